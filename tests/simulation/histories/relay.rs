//! What becomes of the members of a host that share a connection, at many timings.

use heartline::detect::DeathCause;

use super::direct::{SETTLED, causes};
use super::{TIMINGS, scene, unbroken};
use crate::run::Scenario;
use crate::world::fault::Fault;

/// The relay: the first process on the master's other host.
const RELAY: usize = 1;

/// One that beats by it.
const MEMBER: usize = 3;

/// Six members on two hosts: the master, and the others, of which the later ones beat by a relay.
fn sharing(seed: u64) -> Scenario {
    let mut scenario = scene(seed);
    let six = Scenario::quiet(6);
    scenario.parts = six.parts;
    scenario.direct = true;
    scenario.shares = true;
    scenario
}

/// A member that is killed beside its relay is known before its silence is.
#[test]
fn a_crash_beside_a_relay_is_known_at_once() {
    for seed in 0..TIMINGS {
        let mut scenario = sharing(seed);
        let at = SETTLED + 3 * seed;
        scenario.faults = vec![(at, Fault::Kill(MEMBER))];
        let history = unbroken(&scenario, &format!("timing {seed}")).history;
        let found = causes(&history);
        assert_eq!(found.len(), 1, "timing {seed}");
        assert_eq!(found[0].0, Some(DeathCause::Closed), "timing {seed}");
        let told = found[0].1;
        assert!(told - at < scenario.timeout / 2, "timing {seed}: {told}");
    }
}

/// The end of a relay is nobody else's.
#[test]
fn a_relay_that_is_killed_takes_nobody_along() {
    for seed in 0..TIMINGS {
        let mut scenario = sharing(seed);
        scenario.faults = vec![
            (SETTLED + 3 * seed, Fault::Kill(RELAY)),
            (SETTLED + 800, Fault::Kill(MEMBER)),
        ];
        let history = unbroken(&scenario, &format!("timing {seed}")).history;
        let found = causes(&history).into_iter().map(|(cause, _)| cause);
        let both = [Some(DeathCause::Closed); 2];
        assert_eq!(found.collect::<Vec<_>>(), both, "timing {seed}");
    }
}

/// A relay that is stopped keeps its members' beats: they go another way.
#[test]
fn a_relay_that_is_stopped_is_alone_in_its_silence() {
    for seed in 0..TIMINGS {
        let mut scenario = sharing(seed);
        scenario.calm = 7000;
        let at = SETTLED + 3 * seed;
        scenario.faults = vec![(at, Fault::Pause(RELAY)), (at + 2500, Fault::Resume(RELAY))];
        let history = unbroken(&scenario, &format!("timing {seed}")).history;
        assert!(causes(&history).len() <= 1, "timing {seed}");
    }
}
