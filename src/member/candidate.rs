//! Carries out what the election asks for, and brings the answers back.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join;
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use crate::coordination::client::Change;
use crate::coordination::{Failure, Session, Value, unless_throttled};
use crate::master::election::{Action, Ousting};
use crate::master::vigil::Sight;
use crate::protocol::claim;
use crate::protocol::{Beat, Identity, Went};

use super::happening::Happening;

/// Between two looks at the first in line: rarely enough to cost nothing beside the beats.
const LOOK: Duration = Duration::from_millis(500);
/// Of so many looks one begins with the whole line.
const LISTED: u32 = 8;
/// How many look as often as that.
const FEW: u32 = 8;

/// An answer to an [`Action`], with its generation.
#[derive(Debug)]
pub(super) enum Answer {
    Created(u64, String, i64),
    Listed(u64, Vec<String>),
    Inspected(u64, String, Option<i64>),
    /// The predecessor's claim was read, and its next change will be noticed.
    PredecessorSeen(u64, Sight),
    /// The predecessor's claim has changed.
    PredecessorStirred(u64),
    PredecessorGone(u64),
    /// What stands in the line by this name is no claim.
    NoClaim(u64, String),
    /// The first in line was looked at.
    FirstSeen(u64, String, Sight),
    Ousted(u64, Ousting, Went, Option<Fallen>),
}

/// Who held a claim that another has removed, and who that was by its last beat.
#[derive(Debug)]
pub(super) struct Fallen {
    pub(super) node: String,
    pub(super) identity: Box<Identity>,
}

/// Carries out one request. `value` is the new claim's first value; `mourns` if it is to be known who fell.
///
/// A lost connection is no answer: the election begins anew when the session is connected again.
pub(super) async fn carry_out(
    session: Session,
    action: Action,
    prefix: String,
    value: String,
    mourns: bool,
    inbox: Sender<Happening>,
) {
    let part = Part {
        session,
        prefix,
        value,
        mourns,
        inbox,
    };
    let happening = match unless_throttled(|| part.answer(&action)).await {
        Ok(Some(answer)) => Happening::Answered(answer),
        Ok(None) | Err(Failure::Lost) => return,
        Err(failure) => Happening::Failed(failure),
    };
    // The life may have ended meanwhile.
    let _ = part.inbox.send(happening).await;
}

/// What is needed to carry out a request.
struct Part {
    session: Session,
    prefix: String,
    value: String,
    mourns: bool,
    inbox: Sender<Happening>,
}

impl Part {
    /// The answer, if there is one to be told.
    async fn answer(&self, action: &Action) -> Result<Option<Answer>, Failure> {
        let session = &self.session;
        let answer = match action {
            Action::Create { generation } => {
                let stands = session.stand_in_line(&self.prefix, &self.value).await;
                stands.map(|(name, owner)| Answer::Created(*generation, name, owner))?
            }
            Action::List { generation, fresh } => {
                Answer::Listed(*generation, session.line(*fresh).await?)
            }
            Action::Inspect { generation, claim } => {
                let owner = session.owner(&session.paths().claim(claim)).await?;
                Answer::Inspected(*generation, claim.clone(), owner)
            }
            Action::Listen { generation, claim } => {
                listen(session, *generation, claim, &self.inbox).await?
            }
            Action::Depose {
                generation,
                own,
                claim,
                version,
            } => self.depose(*generation, own, claim, *version).await?,
            Action::Remove { claim } => {
                let path = session.paths().claim(claim);
                // Should it fail, the claim goes with the session.
                let _ = session.remove(&path).await;
                return Ok(None);
            }
            Action::Follow | Action::Lead(_) | Action::StepDown => return Ok(None),
        };
        Ok(Some(answer))
    }

    async fn depose(
        &self,
        generation: u64,
        own: &str,
        claim: &str,
        version: Option<i32>,
    ) -> Result<Answer, Failure> {
        // Without a version it goes whether it beats or not.
        let went = version.map_or(Went::Deposed, |_| Went::Dead);
        // Sent together: to know who it was takes no time.
        let (fallen, made) = join(
            fallen(&self.session, claim, self.mourns),
            self.session.depose(own, claim, version),
        )
        .await;
        let ousting = match made {
            Ok(()) => Ousting::Done,
            Err(Failure::NoNode) => Ousting::Gone,
            Err(Failure::BadVersion) => Ousting::Spared,
            Err(Failure::Deposed) => Ousting::Void,
            Err(failure @ Failure::Refused(_)) => {
                let path = self.session.paths().claim(claim);
                return match self.session.owner(&path).await? {
                    Some(0) => Ok(Answer::NoClaim(generation, claim.to_owned())),
                    _ => Err(failure),
                };
            }
            Err(failure) => return Err(failure),
        };
        Ok(Answer::Ousted(generation, ousting, went, fallen))
    }
}

/// Who holds a claim, if anybody wants to know.
async fn fallen(session: &Session, claim: &str, mourns: bool) -> Option<Fallen> {
    if !mourns {
        return None;
    }
    let path = session.paths().claim(claim);
    let (value, _) = session.client().get(&path).await.ok()?;
    Some(Fallen {
        node: claim::holder(&value),
        identity: Box::new(Beat::parse(&value).identity),
    })
}

/// Tells of each change of a claim until it is gone.
async fn listen(
    session: &Session,
    generation: u64,
    claim: &str,
    inbox: &Sender<Happening>,
) -> Result<Answer, Failure> {
    let path = session.paths().claim(claim);
    let tell = async |answer| inbox.send(Happening::Answered(answer)).await;
    loop {
        let (sight, change) = match see(session, &path).await? {
            Seen::Claim(sight, change) => (sight, change),
            Seen::Nothing => return Ok(Answer::PredecessorGone(generation)),
            Seen::NoClaim => return Ok(Answer::NoClaim(generation, claim.to_owned())),
        };
        // When the life has ended, so has this.
        let told = tell(Answer::PredecessorSeen(generation, sight)).await;
        if told.is_err() || !change.await? {
            return Ok(Answer::PredecessorGone(generation));
        }
        if tell(Answer::PredecessorStirred(generation)).await.is_err() {
            return Err(Failure::Lost);
        }
    }
}

/// What stands in the line by some name.
enum Seen {
    Nothing,
    /// A znode that no session owns.
    NoClaim,
    Claim(Sight, Change),
}

async fn see(session: &Session, path: &str) -> Result<Seen, Failure> {
    let (sight, owner, change) = match session.read(path).await {
        Ok((value, change)) => (sight(&value), value.stat.owner, change),
        Err(Failure::NoNode) => return Ok(Seen::Nothing),
        // One that cannot be read is none of ours to judge; its end can be noticed all the same.
        Err(Failure::Refused(_)) => {
            let (stat, change) = session.client().stat_and_watch(path).await?;
            let Some(stat) = stat else {
                return Ok(Seen::Nothing);
            };
            let sight = Sight {
                version: stat.version,
                is_ours: false,
                is_beat: false,
            };
            (sight, stat.owner, change)
        }
        Err(failure) => return Err(failure),
    };
    if owner == 0 {
        return Ok(Seen::NoClaim);
    }
    Ok(Seen::Claim(sight, change))
}

fn sight(value: &Value) -> Sight {
    Sight {
        version: value.stat.version,
        is_ours: claim::is_ours(&value.bytes),
        is_beat: claim::is_beat(&value.bytes),
    }
}

/// Tells how the first in line stands, after a while of `grace`: twice a second for the first few, and the
/// less often the further behind, or a long line would do little else than look at its head.
pub(super) async fn look_at_first(
    session: Session,
    own: String,
    generation: u64,
    grace: Duration,
    inbox: Sender<Happening>,
) {
    sleep(grace).await;
    let mut pause = LOOK;
    let mut no_claims = BTreeSet::new();
    let mut known: Option<String> = None;
    for look in 0_u32.. {
        sleep(pause).await;
        // A long line is listed now and then only; as a rule the first is the one that it was before.
        if look.is_multiple_of(LISTED) {
            known = None;
        }
        let read = match known.take() {
            Some(first) => session.read_claim(&first).await.map(|value| (first, value)),
            None => Err(Failure::NoNode),
        };
        let (first, value) = match read {
            Ok((first, Some(value))) => (first, value),
            Err(Failure::Lost) => return,
            Ok((_, None)) | Err(_) => {
                // The next connection begins with a vigil of its own.
                let mut line = match session.line(false).await {
                    Ok(line) => line,
                    Err(Failure::Lost) => return,
                    Err(_) => continue,
                };
                let names: BTreeSet<&String> = line.iter().collect();
                no_claims.retain(|name| names.contains(name));
                line.retain(|name| !no_claims.contains(name));
                let line = claim::in_order(&line);
                let place = line.iter().position(|claim| **claim == own);
                let ahead = u32::try_from(place.unwrap_or_default()).unwrap_or(u32::MAX);
                pause = LOOK.saturating_mul((ahead / FEW).max(1));
                let Some(first) = line.first() else {
                    continue;
                };
                match session.read_claim(first).await {
                    Ok(Some(value)) => ((*first).clone(), value),
                    Err(Failure::Lost) => return,
                    Ok(None) | Err(_) => continue,
                }
            }
        };
        if value.stat.owner == 0 {
            no_claims.insert(first);
            continue;
        }
        known = Some(first.clone());
        let answer = Answer::FirstSeen(generation, first, sight(&value));
        // The life may have ended meanwhile.
        if inbox.send(Happening::Answered(answer)).await.is_err() {
            return;
        }
    }
}
