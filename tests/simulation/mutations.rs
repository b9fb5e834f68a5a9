//! The simulation proves something only if it notices what would be wrong: each rule that heartline
//! keeps is broken here by a client that lies to the member, or by terms that no program would set,
//! and some seed has to fail of just that.

mod direct;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use heartline::coordination::client::{
    Access, AclEntry, Change, Client, Kind, Operation, Refusal, Reply, States,
};
use heartline::coordination::{Connection, Failure, Stat};

use crate::chance;
use crate::history::{CLAIMS, MEMBERS};
use crate::run::Scenario;
use crate::world::Millis;
use crate::world::fault::Fault;
use crate::world::process::{Draw, Wrap};

/// How many seeds there are to notice.
const SEEDS: u64 = 400;

/// Runs seeds of a scenario until one is noticed to be broken in the way that is expected.
fn assert_noticed(rule: &str, signs: &[&str], mutate: impl Fn(&mut Scenario)) {
    for seed in 0..SEEDS {
        let mut scenario = chance::scenario(seed);
        mutate(&mut scenario);
        let broken = scenario.run().broken;
        let noticed = |what: &String| signs.iter().any(|sign| what.contains(sign));
        if let Some(what) = broken.iter().find(|what| noticed(what)) {
            println!("{rule}: seed {seed}: {what}");
            return;
        }
    }
    panic!("{rule}: not noticed in {SEEDS} seeds");
}

/// A client that breaks one rule behind the back of the member.
#[derive(Debug)]
struct Liar {
    client: Arc<dyn Client>,
    lie: Lie,
}

/// What it lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// Writes are made whether the claim stands or not, and nobody hears that it does not.
    Fence,
    /// What is removed is removed at any version.
    Versions,
    /// Every claim is the session's own.
    Owner,
    /// The list of followers is newer than it is: a master's watermark is too high.
    Watermark,
}

/// By how many transactions a list is newer than it is.
const NEWER: i64 = 20;

impl Lie {
    fn wrap(self) -> Wrap {
        Arc::new(move |client| {
            let client = Arc::from(client);
            Box::new(Liar { client, lie: self })
        })
    }
}

fn is_claim(path: &str) -> bool {
    path.starts_with(CLAIMS)
}

impl Liar {
    fn owned(&self, path: &str, stat: Stat) -> Stat {
        if self.lie == Lie::Owner && is_claim(path) {
            let owner = self.client.session();
            return Stat { owner, ..stat };
        }
        stat
    }

    /// A master's transaction without what depends on its claim.
    fn unfenced(&self, operations: Vec<Operation>) -> Reply<(), Refusal> {
        let is_fence = |operation: &Operation| match operation {
            Operation::Check { path, .. } | Operation::Set { path, .. } => is_claim(path),
            Operation::Create { .. } | Operation::Delete { .. } => false,
        };
        // Where each of those that are left was.
        let kept: Vec<(usize, Operation)> = operations
            .into_iter()
            .enumerate()
            .filter(|(_, operation)| !is_fence(operation))
            .collect();
        let (places, rest): (Vec<usize>, Vec<Operation>) = kept.into_iter().unzip();
        let client = Arc::clone(&self.client);
        Box::pin(async move {
            let made = client.transaction(rest).await;
            made.map_err(|refusal| Refusal {
                at: refusal.at.map(|at| places[at]),
                ..refusal
            })
        })
    }
}

impl Client for Liar {
    fn session(&self) -> i64 {
        self.client.session()
    }

    fn session_timeout(&self) -> Duration {
        self.client.session_timeout()
    }

    fn states(&self) -> Box<dyn States> {
        Box::new(Followed(self.client.states()))
    }

    fn create(
        &self,
        path: &str,
        value: &[u8],
        kind: Kind,
        access: Access,
    ) -> Reply<(String, Stat)> {
        self.client.create(path, value, kind, access)
    }

    fn acl(&self, path: &str) -> Reply<Vec<AclEntry>> {
        self.client.acl(path)
    }

    fn set_acl(&self, path: &str, access: Access) -> Reply<()> {
        self.client.set_acl(path, access)
    }

    fn delete(&self, path: &str, version: Option<i32>) -> Reply<()> {
        self.client.delete(path, version)
    }

    fn set(&self, path: &str, value: &[u8], version: Option<i32>) -> Reply<Stat> {
        let (client, lie, claim) = (Arc::clone(&self.client), self.lie, is_claim(path));
        let set = client.set(path, value, version);
        let members = path.rfind('/').map_or("/", |at| &path[..at]).to_owned();
        Box::pin(async move {
            match set.await {
                Err(Failure::NoNode) if lie == Lie::Fence && claim => {
                    // Any stat will do: it is not looked at after the first beat.
                    client.stat(&members).await?.ok_or(Failure::NoNode)
                }
                other => other,
            }
        })
    }

    fn get(&self, path: &str) -> Reply<(Vec<u8>, Stat)> {
        self.client.get(path)
    }

    fn get_and_watch(&self, path: &str) -> Reply<(Vec<u8>, Stat, Change)> {
        self.client.get_and_watch(path)
    }

    fn stat(&self, path: &str) -> Reply<Option<Stat>> {
        let stat = self.client.stat(path);
        let liar = Self {
            client: Arc::clone(&self.client),
            lie: self.lie,
        };
        let path = path.to_owned();
        Box::pin(async move { Ok(stat.await?.map(|stat| liar.owned(&path, stat))) })
    }

    fn stat_and_watch(&self, path: &str) -> Reply<(Option<Stat>, Change)> {
        self.client.stat_and_watch(path)
    }

    fn children(&self, path: &str) -> Reply<Vec<String>> {
        self.client.children(path)
    }

    fn children_and_watch(&self, path: &str) -> Reply<(Vec<String>, Stat, Change)> {
        let (list, lie) = (self.client.children_and_watch(path), self.lie);
        let is_of_members = format!("{path}/") == MEMBERS;
        Box::pin(async move {
            let (names, mut stat, change) = list.await?;
            if lie == Lie::Watermark && is_of_members {
                stat.children_changed += NEWER;
            }
            Ok((names, stat, change))
        })
    }

    fn sync(&self, path: &str) -> Reply<()> {
        self.client.sync(path)
    }

    fn transaction(&self, mut operations: Vec<Operation>) -> Reply<(), Refusal> {
        if self.lie == Lie::Versions {
            for operation in &mut operations {
                if let Operation::Delete { version, .. } = operation {
                    *version = None;
                }
            }
        }
        if self.lie == Lie::Fence {
            return self.unfenced(operations);
        }
        self.client.transaction(operations)
    }
}

#[derive(Debug)]
struct Followed(Box<dyn States>);

impl States for Followed {
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = Connection> + Send + '_>> {
        self.0.changed()
    }

    fn is_over(&mut self) -> bool {
        self.0.is_over()
    }
}

#[test]
fn a_master_without_its_fence_is_noticed() {
    let signs = ["writes as master and is not first", "writes after epoch"];
    assert_noticed("no fence", &signs, |scenario| {
        scenario.wrap = Some(Lie::Fence.wrap());
    });
}

#[test]
fn a_fenced_off_master_that_removes_followers_is_noticed() {
    let signs = ["removes map"];
    assert_noticed("no fence for removals", &signs, |scenario| {
        scenario.wrap = Some(Lie::Fence.wrap());
    });
}

#[test]
fn a_removal_of_one_that_has_beaten_is_noticed() {
    let signs = ["ms of silence"];
    assert_noticed("no versions", &signs, |scenario| {
        scenario.wrap = Some(Lie::Versions.wrap());
    });
}

#[test]
fn a_deposing_of_one_that_has_beaten_is_noticed() {
    let signs = ["ms after its last beat"];
    assert_noticed("no versions for claims", &signs, |scenario| {
        scenario.wrap = Some(Lie::Versions.wrap());
    });
}

/// CURATOR-696: granted without asking whose session owns the node. All claims have one name here: it
/// alone does not tell one from the other.
#[test]
fn a_master_on_the_claim_of_another_session_is_noticed() {
    let signs = ["beats on", "writes as master and is not first"];
    assert_noticed("no owner", &signs, |scenario| {
        scenario.wrap = Some(Lie::Owner.wrap());
        scenario.draw = Draw::OfAll;
    });
}

/// Who joins while there is no master is taken for one whose join was reported.
#[test]
fn a_watermark_above_the_list_of_followers_is_noticed() {
    let signs = ["lives and beats, and is told None"];
    let change = |scenario: &mut Scenario| {
        scenario.names = 0;
        for (number, at) in [(0, 900), (1, 1300), (2, 1700)] {
            scenario.faults.push((at, Fault::Kill(number)));
        }
    };
    assert_noticed("watermark too high", &signs, |scenario| {
        change(scenario);
        scenario.wrap = Some(Lie::Watermark.wrap());
    });
    for seed in 0..SEEDS / 10 {
        let mut scenario = chance::scenario(seed);
        change(&mut scenario);
        let broken = scenario.run().broken;
        assert!(broken.is_empty(), "seed {seed}: {broken:#?}");
    }
}

/// Time counts also while the master cannot hear itself. Only a stop of all servers that is shorter
/// than a session shows it: after a longer one a master begins anew.
#[test]
fn a_master_that_does_not_wait_for_its_echo_is_noticed() {
    let signs = ["held it up in its", "held up its owner"];
    let stops = |scenario: &mut Scenario| {
        scenario.session = 4000;
        scenario.faults = (1..8)
            .flat_map(|stop| {
                let from = 2000 + 500 * stop;
                [(from, Fault::Stall), (from + 350, Fault::GoOn)]
            })
            .collect();
    };
    // The stops alone are nobody's death.
    for seed in 0..SEEDS / 10 {
        let mut scenario = chance::scenario(seed);
        stops(&mut scenario);
        let broken = scenario.run().broken;
        assert!(broken.is_empty(), "seed {seed}: {broken:#?}");
    }
    assert_noticed("no echo", &signs, |scenario| {
        stops(scenario);
        scenario.longest_gap = Millis::MAX / 1000;
    });
}
