//! A script: steps of up to three sessions, played by any client, and told so that two tellings can
//! be compared: no ids, zxids or times, but their order and whose they are.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use heartline::coordination::client::{Access, Change, Kind, Operation};
use heartline::coordination::{Failure, Security, Session, Settings, Stat};

use super::LIMIT;
use crate::rng::Rng;

/// All znodes of a script are below this one.
pub(super) const ROOT: &str = "/contract";

/// One step of the session with this number.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Create(usize, String, Kind),
    Set(usize, String, Option<i32>),
    Delete(usize, String, Option<i32>),
    Get(usize, String, bool),
    Stat(usize, String, bool),
    Children(usize, String, bool),
    Transaction(usize, Vec<Operation>),
    /// The session ends, and another one takes its number.
    End(usize),
}

/// A list of steps.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
}

pub(super) fn settings(address: &str) -> Settings {
    Settings {
        address: address.parse().expect("an address"),
        namespace: "/".parse().expect("a path"),
        session_timeout: Duration::from_secs(10),
        security: Security::default(),
    }
}

/// Removes what a script has left.
pub(super) async fn clean(session: Session) {
    let client = session.client();
    // Three levels at the most, and ephemeral ones may go by themselves.
    for depth in (0..3).rev() {
        let mut paths = vec![ROOT.to_owned()];
        for _ in 0..depth {
            let mut below = Vec::new();
            for path in paths {
                let names = client.children(&path).await.unwrap_or_default();
                below.extend(names.into_iter().map(|name| format!("{path}/{name}")));
            }
            paths = below;
        }
        for path in paths {
            let _ = client.delete(&path, None).await;
        }
    }
    assert!(session.close(LIMIT).await);
}

/// What makes two tellings comparable: numbers by the order of their coming.
#[derive(Default)]
struct Telling {
    /// The sessions' ids, with the numbers that they are told by.
    owners: BTreeMap<i64, String>,
    /// All zxids that were seen.
    zxids: Vec<i64>,
    lines: Vec<String>,
    watches: Vec<(String, Change)>,
}

impl Script {
    /// Plays it: each session is opened by `open`.
    pub(super) async fn play(&self, open: impl AsyncFn() -> Session) -> Vec<String> {
        let mut telling = Telling::default();
        let mut sessions = Vec::new();
        for number in 0..3 {
            let session = open().await;
            telling.owners.insert(session.id(), number.to_string());
            sessions.push(session);
        }
        let first = &sessions[0];
        let made = first
            .client()
            .create(ROOT, b"", Kind::Persistent, Access::Shared)
            .await;
        made.expect("it is not there");
        for (at, step) in self.steps.iter().enumerate() {
            if let Step::End(number) = step {
                // Watches do not hold on to a session; they end with it.
                let next = open().await;
                telling
                    .owners
                    .insert(next.id(), format!("{number} after {at}"));
                let session = std::mem::replace(&mut sessions[*number], next);
                assert!(session.close(LIMIT).await, "{}: it ends", self.name);
                telling.lines.push(format!("{number} ends"));
            } else {
                let session = &sessions[step.session()];
                // A server that lags answers a session from before what another session did.
                session.client().sync(ROOT).await.expect("it syncs");
                telling.play(session, step, at).await;
            }
            // A watch's word comes before the answer to what was asked after the change.
            for session in &sessions {
                session.client().sync(ROOT).await.expect("it syncs");
                session.client().stat(ROOT).await.expect("it answers");
            }
            telling.look();
        }
        for session in sessions {
            assert!(session.close(LIMIT).await, "{}: it ends", self.name);
        }
        telling.look();
        telling.lines
    }

    /// A script of random steps over a few paths.
    pub(super) fn random(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let steps = (0..60).map(|_| Step::random(&mut rng)).collect();
        let name = format!("random script {seed}");
        Self { name, steps }
    }
}

impl Step {
    fn session(&self) -> usize {
        match self {
            Self::Create(session, ..)
            | Self::Set(session, ..)
            | Self::Delete(session, ..)
            | Self::Get(session, ..)
            | Self::Stat(session, ..)
            | Self::Children(session, ..)
            | Self::Transaction(session, _)
            | Self::End(session) => *session,
        }
    }

    fn random(rng: &mut Rng) -> Self {
        let session = rng.index(3);
        let path = path(rng);
        match rng.within(0..100) {
            0..22 => match kind(rng) {
                // The parent of all counts what earlier scripts have created.
                Kind::EphemeralSequential => {
                    Self::Create(session, format!("{path}/s-"), Kind::EphemeralSequential)
                }
                kind => Self::Create(session, path, kind),
            },
            22..36 => Self::Set(session, path, version(rng)),
            36..50 => Self::Delete(session, path, version(rng)),
            50..60 => Self::Get(session, path, rng.chance(700)),
            60..70 => Self::Stat(session, path, rng.chance(700)),
            70..80 => Self::Children(session, path, rng.chance(700)),
            80..97 => {
                let operations = (0..rng.within(1..5)).map(|_| operation(rng)).collect();
                Self::Transaction(session, operations)
            }
            _ => Self::End(session),
        }
    }
}

fn path(rng: &mut Rng) -> String {
    let path = rng.pick(&["/a", "/a/b", "/a/c", "/d", "/d/e", "/f", ""]);
    format!("{ROOT}{path}")
}

fn version(rng: &mut Rng) -> Option<i32> {
    rng.pick(&[None, None, Some(0), Some(1), Some(2)])
}

fn kind(rng: &mut Rng) -> Kind {
    rng.pick(&[
        Kind::Persistent,
        Kind::Persistent,
        Kind::Ephemeral,
        Kind::EphemeralSequential,
    ])
}

fn operation(rng: &mut Rng) -> Operation {
    let path = path(rng);
    match rng.within(0..4) {
        0 => Operation::Check {
            path,
            version: version(rng),
        },
        1 => Operation::Create {
            path,
            value: b"made".to_vec(),
            kind: rng.pick(&[Kind::Persistent, Kind::Ephemeral]),
        },
        2 => Operation::Set {
            path,
            value: b"set".to_vec(),
            version: version(rng),
        },
        _ => Operation::Delete {
            path,
            version: version(rng),
        },
    }
}

impl Telling {
    async fn play(&mut self, session: &Session, step: &Step, at: usize) {
        let client = session.client();
        let mut watch = None;
        let answer = match step {
            Step::Create(_, path, kind) => {
                let value = format!("created at {at}");
                let made = client.create(path, value.as_bytes(), *kind, Access::Shared);
                made.await
                    .map(|(path, stat)| format!("{path} {}", self.stat(&stat)))
            }
            Step::Set(_, path, version) => {
                let value = format!("set at {at}");
                let set = client.set(path, value.as_bytes(), *version).await;
                set.map(|stat| self.stat(&stat))
            }
            Step::Delete(_, path, version) => {
                let deleted = client.delete(path, *version).await;
                deleted.map(|()| "deleted".to_owned())
            }
            Step::Get(_, path, false) => client.get(path).await.map(|(value, stat)| {
                format!("{:?} {}", String::from_utf8_lossy(&value), self.stat(&stat))
            }),
            Step::Get(_, path, true) => {
                let got = client.get_and_watch(path).await;
                got.map(|(value, stat, change)| {
                    watch = Some(change);
                    format!("{:?} {}", String::from_utf8_lossy(&value), self.stat(&stat))
                })
            }
            Step::Stat(_, path, false) => {
                let stat = client.stat(path).await;
                stat.map(|stat| self.found(stat.as_ref()))
            }
            Step::Stat(_, path, true) => client.stat_and_watch(path).await.map(|(stat, change)| {
                watch = Some(change);
                self.found(stat.as_ref())
            }),
            Step::Children(_, path, false) => client.children(path).await.map(sorted),
            Step::Children(_, path, true) => {
                let names = client.children_and_watch(path).await;
                names.map(|(names, stat, change)| {
                    watch = Some(change);
                    format!("{} {}", sorted(names), self.stat(&stat))
                })
            }
            Step::Transaction(_, operations) => {
                let made = client.transaction(operations.clone()).await;
                match made {
                    Ok(()) => Ok("made".to_owned()),
                    Err(refusal) => Ok(format!("refused at {:?}: {}", refusal.at, refusal.failure)),
                }
            }
            Step::End(_) => unreachable!("not a step of a session that goes on"),
        };
        if let Some(watch) = watch {
            self.watches.push((format!("watch of step {at}"), watch));
        }
        let answer = answer.unwrap_or_else(|failure: Failure| format!("failed: {failure:?}"));
        self.lines.push(format!("{step:?} -> {answer}"));
    }

    /// Tells which watches have fired.
    fn look(&mut self) {
        let lines = &mut self.lines;
        self.watches.retain_mut(|(name, watch)| {
            let Some(change) = watch.now_or_never() else {
                return true;
            };
            lines.push(format!("{name}: {change:?}"));
            false
        });
    }

    fn found(&mut self, stat: Option<&Stat>) -> String {
        stat.map_or("nothing".to_owned(), |stat| self.stat(stat))
    }

    fn stat(&mut self, stat: &Stat) -> String {
        for zxid in [stat.created, stat.modified, stat.children_changed] {
            if let Err(place) = self.zxids.binary_search(&zxid) {
                self.zxids.insert(place, zxid);
            }
        }
        // Places in the order of all zxids seen so far: the same if they are in the same order.
        let place = |zxid| self.zxids.binary_search(&zxid).unwrap_or_default();
        let owner = match stat.owner {
            0 => "nobody",
            owner => self.owners.get(&owner).map_or("a stranger", String::as_str),
        };
        format!(
            "created {} modified {} children {} version {} owner {owner} made {}",
            place(stat.created),
            place(stat.modified),
            place(stat.children_changed),
            stat.version,
            if stat.made <= stat.written {
                "first"
            } else {
                "last"
            }
        )
    }
}

fn sorted(mut names: Vec<String>) -> String {
    names.sort();
    names.join(" ")
}
