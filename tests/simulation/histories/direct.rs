//! What direct connections are for, at many timings.

use heartline::detect::DeathCause;
use heartline::protocol::EventKind;

use super::{BEGIN, TIMINGS, scene, unbroken};
use crate::history::History;
use crate::run::Scenario;
use crate::world::Millis;
use crate::world::direct_fault::DirectFault;
use crate::world::fault::Fault;

/// Three members with direct connections: the master, its next in line, and a follower.
fn connected(seed: u64) -> Scenario {
    let mut scenario = scene(seed);
    scenario.direct = true;
    scenario
}

/// When all connections are open and no member is waited for any more.
pub(super) const SETTLED: Millis = BEGIN + 2500;

pub(super) fn causes(history: &History) -> Vec<(Option<DeathCause>, Millis)> {
    let died = history.reported.values();
    let died = died.filter(|event| event.event == EventKind::Died);
    let start = crate::world::wall(0);
    died.map(|event| {
        let at = event.time.signed_duration_since(start).num_milliseconds();
        (event.cause, Millis::try_from(at).unwrap_or_default())
    })
    .collect()
}

/// The kernel closes the connection of a follower that is killed: that is known before its silence is.
#[test]
fn a_crash_is_known_by_its_connection() {
    for seed in 0..TIMINGS {
        let mut scenario = connected(seed);
        let at = SETTLED + 3 * seed;
        scenario.faults = vec![(at, Fault::Kill(2))];
        let history = unbroken(&scenario, &format!("timing {seed}")).history;
        let (cause, told) = causes(&history)[0];
        assert_eq!(cause, Some(DeathCause::Closed), "timing {seed}");
        assert!(told - at < scenario.timeout / 2, "timing {seed}: {told}");
        assert_eq!(history.found.len(), 1, "timing {seed}");
    }
}

/// Nothing is known of a host that is gone but that it is silent.
#[test]
fn a_host_that_vanishes_is_known_by_its_silence() {
    for seed in 0..TIMINGS {
        let mut scenario = connected(seed);
        scenario.faults = vec![(SETTLED + 3 * seed, Fault::Vanish(2))];
        let history = unbroken(&scenario, &format!("timing {seed}")).history;
        assert_eq!(causes(&history)[0].0, Some(DeathCause::Silent), "{seed}");
    }
}

/// The next in line knows at once that the master was killed, and deposes it without waiting for its silence.
#[test]
fn the_crash_of_a_master_is_known_by_its_connection() {
    for seed in 0..TIMINGS {
        let mut scenario = connected(seed);
        scenario.faults = vec![(SETTLED + 3 * seed, Fault::Kill(super::MASTER))];
        let history = unbroken(&scenario, &format!("timing {seed}")).history;
        let previous = history.reported.values();
        let previous = previous.filter_map(|event| event.previous.as_ref());
        let causes: Vec<_> = previous.filter_map(|previous| previous.cause).collect();
        assert_eq!(causes, [DeathCause::Closed], "timing {seed}");
    }
}

/// A proxy that is restarted again and again costs nobody's life, and no master either.
#[test]
fn connections_that_are_cut_are_nobodys_death() {
    for seed in 0..TIMINGS {
        let mut scenario = connected(seed);
        scenario.faults = (0..100)
            .map(|cut| {
                let at = BEGIN + cut * (10 + seed);
                (at, Fault::Direct(DirectFault::SeverAll))
            })
            .collect();
        scenario.calm = 7000;
        let history = unbroken(&scenario, &format!("timing {seed}")).history;
        assert_eq!(causes(&history), [], "timing {seed}");
        assert_eq!(history.removals, 0, "timing {seed}");
    }
}

/// A stopped process has not ended: its kernel still accepts.
#[test]
fn a_process_that_is_stopped_has_not_ended() {
    for seed in 0..TIMINGS {
        let mut scenario = connected(seed);
        let at = SETTLED + 3 * seed;
        scenario.faults = vec![
            (at, Fault::Pause(2)),
            (at + 50, Fault::Direct(DirectFault::SeverAll)),
            (at + 800, Fault::Resume(2)),
        ];
        let history = unbroken(&scenario, &format!("timing {seed}")).history;
        let causes = causes(&history);
        assert!(
            causes
                .iter()
                .all(|(cause, _)| *cause == Some(DeathCause::Silent)),
            "timing {seed}: {causes:?}"
        );
    }
}
