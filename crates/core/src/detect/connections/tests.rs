//! Tests of what connections prove.

use super::*;

const SESSION: i64 = 7;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 7], 4711))
}

/// The only probe to make.
fn probe(connections: &mut PeerConnections) -> ProbeRequest {
    let probes = connections.take_probes();
    assert_eq!(probes.len(), 1, "{probes:?}");
    probes[0]
}

fn no_probe(connections: &mut PeerConnections) {
    assert_eq!(connections.take_probes(), []);
}

/// A member with connection 1, whose address was reached.
fn connected() -> PeerConnections {
    let mut connections = PeerConnections::default();
    connections.opened(ms(0), (1, None), (SESSION, "a"), Some(address()));
    let verify = probe(&mut connections);
    assert_eq!(verify.reason, ProbeReason::Verify);
    connections.probed(ms(1), verify.number, ProbeOutcome::Accepted);
    connections
}

/// The same after the connection has ended, with the probe that asks why.
fn cut() -> (PeerConnections, ProbeRequest) {
    let mut connections = connected();
    connections.closed(ms(100), 1, false);
    let confirm = probe(&mut connections);
    assert_eq!(confirm.reason, ProbeReason::Confirm);
    (connections, confirm)
}

fn ended(connections: &PeerConnections) -> Option<DeathCause> {
    connections.ended("a", SESSION, Some(address()))
}

#[test]
fn a_closed_connection_and_a_refused_probe_prove_the_end() {
    let (mut connections, confirm) = cut();
    assert_eq!(ended(&connections), None);
    connections.probed(ms(101), confirm.number, ProbeOutcome::Refused);
    assert_eq!(ended(&connections), Some(DeathCause::Closed));
    assert_eq!(connections.all_ended().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_cut_connection_proves_nothing() {
    for outcome in [ProbeOutcome::Accepted, ProbeOutcome::NoAnswer] {
        let (mut connections, confirm) = cut();
        connections.probed(ms(101), confirm.number, outcome);
        assert_eq!(ended(&connections), None);
    }
}

#[test]
fn a_goodbye_is_no_crash() {
    let mut connections = connected();
    connections.closed(ms(100), 1, true);
    no_probe(&mut connections);
    assert_eq!(connections.member(1), None);
}

#[test]
fn a_goodbye_holds_for_earlier_connections_too() {
    let mut connections = connected();
    connections.opened(ms(50), (2, None), (SESSION, "a"), Some(address()));
    connections.closed(ms(100), 2, true);
    connections.closed(ms(101), 1, false);
    no_probe(&mut connections);
}

#[test]
fn who_is_connected_again_has_not_ended() {
    let (mut connections, confirm) = cut();
    connections.opened(ms(101), (2, None), (SESSION, "a"), Some(address()));
    connections.probed(ms(102), confirm.number, ProbeOutcome::Refused);
    assert_eq!(ended(&connections), None);
    let (mut connections, confirm) = cut();
    connections.probed(ms(101), confirm.number, ProbeOutcome::Refused);
    connections.opened(ms(102), (2, None), (SESSION, "a"), Some(address()));
    assert_eq!(ended(&connections), None);
}

#[test]
fn an_address_that_was_never_reached_proves_nothing() {
    for outcome in [ProbeOutcome::Refused, ProbeOutcome::NoAnswer] {
        let mut connections = PeerConnections::default();
        connections.opened(ms(0), (1, None), (SESSION, "a"), Some(address()));
        let verify = probe(&mut connections);
        connections.probed(ms(1), verify.number, outcome);
        connections.closed(ms(100), 1, false);
        no_probe(&mut connections);
        assert_eq!(ended(&connections), None);
    }
    // Behind NAT or a proxy.
    let mut connections = PeerConnections::default();
    connections.opened(ms(0), (1, None), (SESSION, "a"), None);
    connections.closed(ms(100), 1, false);
    no_probe(&mut connections);
}

#[test]
fn an_address_that_is_not_reached_is_probed_again_some_times() {
    let mut connections = PeerConnections::default();
    connections.opened(ms(0), (1, None), (SESSION, "a"), Some(address()));
    for attempt in 1..VERIFY_ATTEMPTS {
        let verify = probe(&mut connections);
        connections.probed(ms(0), verify.number, ProbeOutcome::NoAnswer);
        connections.verify_again(ms(999));
        no_probe(&mut connections);
        connections.verify_again(ms(1000));
        assert_eq!(connections.peers[&SESSION].unreached, attempt);
    }
    let last = probe(&mut connections);
    connections.probed(ms(0), last.number, ProbeOutcome::NoAnswer);
    connections.verify_again(ms(1000));
    no_probe(&mut connections);
}

#[test]
fn a_probe_of_its_silence_verifies_an_address_too() {
    let mut connections = PeerConnections::default();
    connections.opened(ms(0), (1, None), (SESSION, "a"), Some(address()));
    let verify = probe(&mut connections);
    connections.probed(ms(1), verify.number, ProbeOutcome::NoAnswer);
    connections.doubt(ms(500), (SESSION, "a"), Some(address()));
    let doubt = probe(&mut connections);
    assert_eq!(doubt.reason, ProbeReason::Doubt);
    connections.probed(ms(501), doubt.number, ProbeOutcome::Accepted);
    connections.closed(ms(600), 1, false);
    let confirm = probe(&mut connections);
    connections.probed(ms(601), confirm.number, ProbeOutcome::Refused);
    assert_eq!(ended(&connections), Some(DeathCause::Closed));
}

#[test]
fn who_ends_before_its_address_is_verified_is_asked_afterwards() {
    let mut connections = PeerConnections::default();
    connections.opened(ms(0), (1, None), (SESSION, "a"), Some(address()));
    let verify = probe(&mut connections);
    connections.closed(ms(1), 1, false);
    no_probe(&mut connections);
    connections.probed(ms(2), verify.number, ProbeOutcome::Accepted);
    let confirm = probe(&mut connections);
    connections.probed(ms(3), confirm.number, ProbeOutcome::Refused);
    assert_eq!(ended(&connections), Some(DeathCause::Closed));
}

#[test]
fn one_of_two_connections_is_enough() {
    let mut connections = connected();
    connections.opened(ms(50), (2, None), (SESSION, "a"), Some(address()));
    connections.closed(ms(100), 1, false);
    no_probe(&mut connections);
    connections.closed(ms(101), 2, false);
    assert_eq!(probe(&mut connections).reason, ProbeReason::Confirm);
}

#[test]
fn a_member_keeps_few_connections() {
    let mut connections = connected();
    let mut closed = Vec::new();
    for number in 2..20 {
        closed.extend(connections.opened(ms(50), (number, None), (SESSION, "a"), Some(address())));
    }
    assert_eq!(closed, (1..16).collect::<Vec<_>>());
    assert_eq!(connections.member(15), None);
    assert_eq!(connections.member(16), Some(("a", SESSION)));
}

#[test]
fn nobody_ends_another_member() {
    let (mut connections, confirm) = cut();
    connections.probed(ms(101), confirm.number, ProbeOutcome::Refused);
    let elsewhere = SocketAddr::from(([10, 0, 0, 8], 4711));
    assert_eq!(connections.ended("a", SESSION, Some(elsewhere)), None);
    assert_eq!(connections.ended("a", SESSION, None), None);
    assert_eq!(connections.ended("b", SESSION, Some(address())), None);
    assert_eq!(connections.ended("a", SESSION + 1, Some(address())), None);
    // A session belongs to one member.
    let refused = connections.opened(ms(200), (9, None), (SESSION, "b"), Some(address()));
    assert_eq!(refused, [9]);
    assert_eq!(connections.member(9), None);
}

#[test]
fn who_beats_on_in_zookeeper_has_not_ended() {
    let (mut connections, confirm) = cut();
    connections.probed(ms(101), confirm.number, ProbeOutcome::Refused);
    for _ in 1..MOST_LATE_BEATS {
        connections.moved(SESSION);
        assert_eq!(ended(&connections), Some(DeathCause::Closed));
    }
    connections.moved(SESSION);
    assert_eq!(ended(&connections), None);
}

#[test]
fn the_host_of_a_silent_member_is_asked_now_and_then() {
    let mut connections = connected();
    assert_eq!(connections.host(ms(100), SESSION), HostState::Unknown);
    connections.doubt(ms(100), (SESSION, "a"), Some(address()));
    assert_eq!(connections.host(ms(105), SESSION), HostState::Asked);
    // The answer is late.
    assert_eq!(connections.host(ms(110), SESSION), HostState::Unknown);
    let asked = probe(&mut connections);
    assert_eq!(asked.reason, ProbeReason::Doubt);
    connections.doubt(ms(105), (SESSION, "a"), Some(address()));
    no_probe(&mut connections);
    connections.probed(ms(111), asked.number, ProbeOutcome::Accepted);
    assert_eq!(connections.host(ms(111), SESSION), HostState::Answers);
    connections.doubt(ms(150), (SESSION, "a"), Some(address()));
    no_probe(&mut connections);
    connections.doubt(ms(211), (SESSION, "a"), Some(address()));
    let again = probe(&mut connections);
    connections.probed(ms(212), again.number, ProbeOutcome::NoAnswer);
    assert_eq!(connections.host(ms(212), SESSION), HostState::Unknown);
}

#[test]
fn a_silent_member_whose_host_refuses_has_ended() {
    let mut connections = connected();
    connections.doubt(ms(100), (SESSION, "a"), Some(address()));
    let asked = probe(&mut connections);
    connections.probed(ms(101), asked.number, ProbeOutcome::Refused);
    assert_eq!(ended(&connections), Some(DeathCause::Refused));
}

#[test]
fn a_member_without_a_connection_is_asked_at_the_address_of_its_znode() {
    let mut connections = PeerConnections::default();
    connections.doubt(ms(0), (SESSION, "a"), None);
    assert_eq!(connections.take_probes(), []);
    connections.doubt(ms(10), (SESSION, "a"), Some(address()));
    let probe = connections.take_probes()[0];
    assert_eq!(
        (probe.address, probe.reason),
        (address(), ProbeReason::Doubt)
    );
    connections.probed(ms(11), probe.number, ProbeOutcome::Accepted);
    assert_eq!(connections.host(ms(12), SESSION), HostState::Answers);
    // A refusal proves nothing: it was never reached by a connection.
    connections.doubt(ms(112), (SESSION, "a"), Some(address()));
    let probe = connections.take_probes()[0];
    connections.probed(ms(113), probe.number, ProbeOutcome::Refused);
    assert_eq!(connections.ended("a", SESSION, Some(address())), None);
    assert_eq!(connections.host(ms(114), SESSION), HostState::Unknown);
}
