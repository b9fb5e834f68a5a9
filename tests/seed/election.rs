//! However many mappers start at once, exactly one is master.

use std::collections::BTreeSet;

use crate::support::{LoggedEvent, Mapper, Watcher, ZooKeeper};
use rustix::process::Signal;

const MAPPERS: usize = 20;
const ROUNDS: usize = 20;

#[test]
fn twenty_mappers_at_once_have_one_master_in_every_round() {
    // Short sessions, so that the znodes of killed mappers are soon gone.
    let zookeeper = ZooKeeper::with_settings(&["tickTime=500"]);
    let watcher = Watcher::events(&zookeeper);
    let mut highest = 0;
    for round in 0..ROUNDS {
        let prefix = format!("map{round}.");
        let mappers: Vec<Mapper> = (0..MAPPERS)
            .map(|number| start(&zookeeper, &format!("{prefix}{number}")))
            .collect();
        let of_round = |logged: &LoggedEvent| logged.node.starts_with(&prefix);
        watcher.wait_for("all are members", |_| {
            let story = watcher.story().into_iter().filter(of_round);
            story
                .map(|logged| logged.node)
                .collect::<BTreeSet<_>>()
                .len()
                == MAPPERS
        });
        let story: Vec<LoggedEvent> = watcher.story().into_iter().filter(of_round).collect();
        let masters: Vec<&LoggedEvent> = story
            .iter()
            .filter(|logged| logged.event == "claimed")
            .collect();
        let others = story
            .iter()
            .filter(|logged| logged.event == "joined")
            .count();
        assert_eq!(
            (masters.len(), others),
            (1, MAPPERS - 1),
            "round {round}: {story:?}"
        );
        assert!(masters[0].epoch > highest, "epochs only grow: {story:?}");
        // By the server's own data: the first in line is the reported master, and its epoch began
        // after its claim was created.
        let (_, first) =
            zookeeper.visit(async |session| session.first_claim(false).await.unwrap().unwrap());
        let name = String::from_utf8(first.bytes).unwrap();
        assert_eq!(name.lines().next(), Some(masters[0].node.as_str()));
        assert!(masters[0].epoch > first.stat.created);
        highest = masters[0].epoch;
        if round % 5 == 4 {
            // As when a job is killed: no master hands over, and the next round starts with the old claims.
            for mapper in &mappers {
                mapper.signal(Signal::KILL);
            }
        } else {
            // As when a job ends: the claim passes down the line.
            for mapper in mappers {
                assert_eq!(mapper.finish().status(), 0);
            }
            let successors = watcher
                .story()
                .into_iter()
                .filter(|logged| of_round(logged) && logged.event == "claimed");
            let epochs: Vec<i64> = successors.map(|logged| logged.epoch).collect();
            assert!(
                epochs.is_sorted_by(|one, next| one < next),
                "epochs only grow: {epochs:?}"
            );
            highest = epochs.last().copied().unwrap_or(highest);
        }
    }
}

fn start(zookeeper: &ZooKeeper, name: &str) -> Mapper {
    Mapper::with_options(
        &zookeeper.address(),
        &["--name", name, "--session-timeout", "2s", "--timeout", "1s"],
    )
}
