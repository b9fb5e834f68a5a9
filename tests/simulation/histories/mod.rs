//! Histories that broke the recipes people trust, replayed by name: in simulation with many timings,
//! and on a real server where the history can be had there.

mod direct;
mod real;
mod relay;

use heartline::protocol::{EndReason, EventKind};

use crate::history::History;
use crate::run::{Outcome, Scenario};
use crate::world::Millis;
use crate::world::fault::Fault;
use crate::world::process::Draw;

/// How many timings of each history are tried.
const TIMINGS: u64 = 40;

/// When the history begins: all are members by then.
const BEGIN: Millis = 1000;

/// Three members on three servers; which of them have the master is a matter of the seed.
fn scene(seed: u64) -> Scenario {
    let mut scenario = Scenario::quiet(3);
    scenario.seed = seed;
    scenario.weather.servers = 3;
    scenario.weather.lag = 10;
    scenario.session = 1000;
    scenario.calm = 5000;
    scenario
}

/// Plays a history at many timings; no rule may be broken, and in the end there is one master.
fn replay(name: &str, history: impl Fn(u64, &mut Scenario)) -> Vec<Outcome> {
    let play = |seed| {
        let mut scenario = scene(seed);
        history(seed, &mut scenario);
        unbroken(&scenario, &format!("{name}, timing {seed}"))
    };
    (0..TIMINGS).map(play).collect()
}

/// Runs a scenario; no rule may be broken.
fn unbroken(scenario: &Scenario, name: &str) -> Outcome {
    let outcome = scenario.run();
    assert!(outcome.broken.is_empty(), "{name}: {:#?}", outcome.broken);
    outcome
}

/// Many members, with time enough to answer what comes at once.
fn crowd(members: usize, seed: u64) -> Scenario {
    let mut scenario = Scenario::quiet(members);
    scenario.seed = seed;
    scenario.session = 4000;
    scenario.weather.delay = 1 + seed;
    scenario.calm = 10_000;
    scenario
}

/// How many of the runs had more than one master.
fn with_successor(outcomes: &[Outcome]) -> usize {
    let successions = outcomes.iter().filter(|one| one.history.reigns.len() > 1);
    successions.count()
}

/// The first member is the master of [`scene`].
const MASTER: usize = 0;

/// All work ends at the same moment, and nobody comes after: the master tells of those that leave with it.
#[test]
fn who_leaves_with_the_master_is_told_of() {
    for seed in 0..TIMINGS {
        let mut scenario = Scenario::quiet(3);
        scenario.seed = seed;
        scenario.weather.delay = 1 + seed % 4;
        scenario.direct = seed % 2 == 0;
        let history = unbroken(&scenario, &format!("{seed}")).history;
        for name in ["map1", "map2"] {
            let last = history.last_reported.get(name);
            assert_eq!(last, Some(&EventKind::Finished), "{seed}: {name}");
        }
    }
}

/// A rack dies: the master goes on beating while it removes all of it, and stays the master.
#[test]
fn a_rack_that_dies_costs_the_rack() {
    for seed in 0..TIMINGS / 4 {
        let mut scenario = crowd(60, seed);
        // The first two come long before the others: they are the master and the next in line.
        for (part, number) in scenario.parts.iter_mut().zip(0..) {
            part.start = if number < 2 {
                500 * number
            } else {
                1000 + 10 * number
            };
        }
        scenario.faults = (2..60).map(|member| (4000, Fault::Kill(member))).collect();
        scenario.faults.push((3000, Fault::Clutter));
        let history = unbroken(&scenario, &format!("{seed}")).history;
        // In the end, when all work is done, the master hands over.
        let taken = history
            .reported
            .values()
            .filter_map(|event| event.previous.as_ref());
        let taken: Vec<_> = taken
            .filter(|before| before.went != EndReason::Finished)
            .collect();
        assert!(taken.is_empty(), "{seed}: another one took over: {taken:?}");
        assert_eq!(history.removals, 58, "{seed}");
        assert_master_beats(&history, scenario.interval);
    }
}

/// A rack dies with the master and those next in line: one of the others is master soon, however many died.
#[test]
fn a_rack_that_dies_with_the_master_and_its_heirs_costs_one_takeover() {
    for seed in 0..TIMINGS / 4 {
        let mut scenario = Scenario::quiet(30);
        scenario.seed = seed;
        // Longer than the limit below: nobody waits for the sessions of the dead.
        scenario.session = 10_000;
        scenario.weather.delay = 1 + seed % 4;
        for (part, number) in scenario.parts.iter_mut().zip(0..) {
            part.start = 20 * number;
        }
        scenario.faults = (0..16).map(|member| (4000, Fault::Kill(member))).collect();
        let history = unbroken(&scenario, &format!("{seed}")).history;
        let claimed = history
            .reported
            .values()
            .filter(|event| event.event == EventKind::Claimed);
        let claimed: Vec<_> = claimed.map(|event| event.time.timestamp_millis()).collect();
        assert!(claimed.len() >= 2, "{seed}: nobody took over");
        let took = claimed[1] - claimed[0];
        assert!(
            took < 4000 + 3000,
            "{seed}: another one is master after {took} ms"
        );
        assert_eq!(history.removals, 15, "{seed}");
    }
}

/// Many join at once and many requests come at once: the master beats on, and answers them all.
#[test]
fn a_burst_of_joins_and_requests_costs_the_master_no_beat() {
    for seed in 0..TIMINGS / 4 {
        let mut scenario = crowd(60, seed);
        for (part, number) in scenario.parts.iter_mut().zip(0..) {
            part.start = if number < 2 { 500 * number } else { BEGIN };
        }
        scenario.faults = vec![(BEGIN, Fault::Requests(200))];
        let history = unbroken(&scenario, &format!("{seed}")).history;
        assert_eq!(history.answers, 200, "{seed}");
        assert_master_beats(&history, scenario.interval);
    }
}

/// Checks that the master never missed more than a tick or two.
fn assert_master_beats(history: &History, interval: Millis) {
    let beats = history.beats.values().max_by_key(|beats| beats.len());
    let beats = beats.expect("the master's");
    let between = beats.windows(2).map(|pair| pair[1] - pair[0]);
    let longest = between.max().expect("many");
    let ticks = longest.div_ceil(interval);
    assert!(ticks <= 3, "{ticks} ticks without a beat of the master");
}

/// A server was cut off from its peers, not from its clients, for one session timeout: the leader on
/// it did not notice that its session was over, while another was elected beyond the cut.
#[test]
fn curator_444_peer_traffic_is_blocked_for_one_session_timeout() {
    let outcomes = replay("CURATOR-444", |seed, scenario| {
        let server = usize::try_from(seed % 3).unwrap_or_default();
        let end = BEGIN + scenario.session + 20 * seed;
        scenario.faults = vec![
            (BEGIN, Fault::Isolate(server)),
            (end, Fault::GiveUp(server)),
            (end + 30, Fault::Rejoin(server)),
        ];
    });
    assert!(with_successor(&outcomes) > 0);
}

/// A leader that was only suspended was let to go on leading, up to the session timeout and a little
/// longer, and another one led already.
#[test]
fn curator_460_suspended_but_tolerated() {
    let outcomes = replay("CURATOR-460", |seed, scenario| {
        let end = BEGIN + scenario.session / 2 + 30 * seed;
        for server in 0..3 {
            scenario.faults.push((BEGIN, Fault::Cut(MASTER, server)));
        }
        scenario.faults.push((end, Fault::Heal(MASTER)));
    });
    assert_eq!(with_successor(&outcomes), outcomes.len());
}

/// After a reconnect the answers to what was asked before it were taken for answers to what was asked
/// after it: two led, or one whose node was gone.
#[test]
fn curator_504_answers_of_before_a_reconnect() {
    replay("CURATOR-504", |seed, scenario| {
        for member in 0..3 {
            for again in 0..4 {
                let at = BEGIN + member as Millis * seed + again * (1 + seed);
                scenario.faults.push((at, Fault::Reset(member)));
            }
        }
        // The claims change under the answers.
        scenario.faults.push((BEGIN + 2 * seed, Fault::Depose));
    });
}

/// The same race again, after its repair: a reset while the latch was creating its node left two.
#[test]
fn curator_644_a_reset_while_the_claim_is_made() {
    replay("CURATOR-644", |seed, scenario| {
        for member in 0..3 {
            // Within the first steps of its first session.
            let start = scenario.parts[member].start;
            for at in [start + seed / 2, start + seed, start + 2 * seed] {
                scenario.faults.push((at, Fault::Reset(member)));
            }
            scenario.faults.push((BEGIN + seed, Fault::Expire(member)));
            let again = BEGIN + 60 + 2 * seed;
            scenario.faults.push((again, Fault::Reset(member)));
        }
    });
}

/// Two RECONNECTED in quick succession started two elections of one latch.
#[test]
fn curator_620_two_reconnects_in_quick_succession() {
    replay("CURATOR-620", |seed, scenario| {
        for member in 0..3 {
            scenario.faults.extend([
                // Stopped, a member sees both of them at once.
                (BEGIN, Fault::Pause(member)),
                (BEGIN + 5, Fault::Reset(member)),
                (BEGIN + 10 + seed, Fault::Resume(member)),
                (BEGIN + 12 + 3 * seed, Fault::Reset(member)),
                (BEGIN + 14 + 5 * seed, Fault::Reset(member)),
            ]);
        }
    });
}

/// Two latches reconnected at once; each deleted its old path and created a new one, in turn, and each
/// saw itself first.
#[test]
fn curator_653_both_delete_and_create_their_old_path_in_turn() {
    replay("CURATOR-653", |seed, scenario| {
        scenario.weather.cleanup_delay = 400;
        for member in 0..3 {
            let at = BEGIN + member as Millis * seed;
            scenario.faults.push((at, Fault::Expire(member)));
            scenario.faults.push((at + 150, Fault::Reset(member)));
            scenario.faults.push((at + 700, Fault::Expire(member)));
        }
    });
}

/// A latch led on a node that still stood from its earlier session: it was first in line, and nobody
/// had asked whose session owns it.
#[test]
fn curator_696_the_first_claim_is_of_an_earlier_session() {
    let outcomes = replay("CURATOR-696", |seed, scenario| {
        scenario.weather.cleanup_delay = 1500;
        // Claims of all sessions of a process have one name, as Curator's have.
        scenario.draw = Draw::OfProcess;
        scenario.faults = vec![
            (BEGIN, Fault::Expire(MASTER)),
            (BEGIN + 20 * seed, Fault::Expire(1)),
        ];
    });
    assert_eq!(with_successor(&outcomes), outcomes.len());
}

/// After a reconnect every latch took another one's node for the first, and nobody led.
#[test]
fn curator_202_nobody_leads_after_a_reconnect() {
    replay("CURATOR-202", |seed, scenario| {
        let end = BEGIN + 50 * seed;
        for server in 0..3 {
            scenario.faults.push((BEGIN, Fault::Down(server)));
            scenario.faults.push((end + seed, Fault::Up(server)));
        }
    });
}

/// After an expiry the new session met the ephemeral node of the earlier one, took the name for
/// somebody else's, and gave up.
#[test]
fn kafka_4229_the_earlier_sessions_node_still_stands() {
    let outcomes = replay("KAFKA-4229", |_, scenario| {
        scenario.weather.cleanup_delay = 3000;
        scenario.faults.push((BEGIN, Fault::Expire(1)));
        scenario.faults.push((BEGIN + 40, Fault::Expire(2)));
    });
    for outcome in outcomes {
        // The one master was there all the time, and saw neither of them die.
        assert_eq!(outcome.history.removals, 0);
        assert_eq!(outcome.history.reigns.len(), 1);
    }
}

/// A lock's holder never learned that its session had expired, and went on as if it held the lock.
#[test]
fn libkv_156_a_holder_never_learns_that_its_session_expired() {
    let outcomes = replay("libkv 156", |seed, scenario| {
        let end = BEGIN + 2 * scenario.session + 10 * seed;
        scenario.faults = vec![
            (BEGIN + seed, Fault::Pause(MASTER)),
            (end, Fault::Resume(MASTER)),
        ];
    });
    assert_eq!(with_successor(&outcomes), outcomes.len());
    for outcome in outcomes {
        let first = &outcome.history.reigns[0];
        assert!(first.last < BEGIN + 200, "it writes after its expiry");
    }
}
