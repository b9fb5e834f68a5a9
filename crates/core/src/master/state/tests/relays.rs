//! Tests of followers that beat by a relay.

use super::*;

const SESSION: i64 = 5;
/// The connection of the relay, and that of its member.
const RELAY: u64 = 1;
const MEMBER: u64 = 2;

#[test]
fn a_member_of_a_relay_that_is_known_before_its_znode_is_read_is_heard_by_the_relay() {
    let mut state = begin(inherited(Report::default()));
    tick(&mut state, 0);
    state.connection_opened(at(0), (MEMBER, Some(RELAY)), (SESSION, "map2.0"), None);
    // The master does not know whose beat this is.
    state.connection_beat(at(0), MEMBER, Some(0), b"");
    state.heard(at(1), "map2.0", &reading(0));
    for ms in (5..500).step_by(5) {
        state.group_beat(at(ms), RELAY, &[]);
        tick(&mut state, ms);
    }
    let deaths = state.overdue.len() + state.dead.len();
    assert_eq!(deaths, 0);
    // When the relay is silent, so is its member.
    for ms in (500..600).step_by(5) {
        tick(&mut state, ms);
    }
    assert_eq!(state.overdue.len() + state.dead.len(), 1);
}
