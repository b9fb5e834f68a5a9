use proptest::prelude::*;

use super::ActivationAction::{Kill, Leave, Start, Stop, TellActive, TellInactive};
use super::*;

fn actions(post: &mut Activation) -> Vec<ActivationAction> {
    std::iter::from_fn(|| post.poll_action()).collect()
}

fn ended(status: u8, by_itself: bool) -> Ended {
    Ended { status, by_itself }
}

fn active() -> Activation {
    let mut post = Activation::new(true);
    post.held(5);
    assert_eq!(actions(&mut post), [], "not without a proof");
    post.proven();
    assert_eq!(actions(&mut post), [TellActive(5), Start(5)]);
    post
}

#[test]
fn a_command_that_ends_by_itself_ends_the_membership() {
    let mut post = active();
    post.ended(ended(3, true));
    let leave = Leave(ExitCause::Status(3));
    assert_eq!(actions(&mut post), [TellInactive, leave]);
}

#[test]
fn an_old_proof_stops_the_command_and_a_new_one_starts_it_again() {
    let mut post = active();
    post.overdue();
    assert_eq!(actions(&mut post), [Stop]);
    post.overdue();
    post.proven();
    assert_eq!(actions(&mut post), [], "not before the old one is gone");
    post.ended(ended(143, false));
    assert_eq!(actions(&mut post), [TellInactive, TellActive(5), Start(5)]);
}

#[test]
fn a_lost_claim_kills_the_command() {
    let mut post = active();
    post.lost();
    assert_eq!(actions(&mut post), [Kill]);
    post.held(9);
    post.proven();
    assert_eq!(actions(&mut post), [], "not before the old one is gone");
    post.ended(ended(137, false));
    assert_eq!(actions(&mut post), [TellInactive, TellActive(9), Start(9)]);
}

#[test]
fn a_claim_that_is_lost_while_the_command_is_stopped_kills_it() {
    let mut post = active();
    post.overdue();
    post.lost();
    post.lost();
    assert_eq!(actions(&mut post), [Stop, Kill]);
}

#[test]
fn a_command_that_its_keeper_has_stopped_is_not_started_on_the_old_proof() {
    let mut post = active();
    post.ended(ended(143, false));
    assert_eq!(actions(&mut post), [TellInactive]);
    post.proven();
    assert_eq!(actions(&mut post), [TellActive(5), Start(5)]);
}

#[test]
fn the_znode_is_given_up_after_the_command() {
    let mut post = active();
    post.leave(ExitCause::Signal(15));
    assert_eq!(actions(&mut post), [Stop]);
    post.leave(ExitCause::Signal(2));
    assert_eq!(actions(&mut post), [Kill], "said twice");
    post.ended(ended(0, true));
    let leave = Leave(ExitCause::Signal(15));
    assert_eq!(actions(&mut post), [TellInactive, leave]);
}

#[test]
fn who_waits_leaves_at_once() {
    let mut post = Activation::new(true);
    post.leave(ExitCause::Signal(15));
    assert_eq!(actions(&mut post), [Leave(ExitCause::Signal(15))]);
    post.held(1);
    post.proven();
    post.leave(ExitCause::Signal(15));
    assert_eq!(actions(&mut post), []);
}

#[test]
fn without_a_command_there_is_nothing_to_wait_for() {
    let mut post = Activation::new(false);
    post.held(5);
    post.proven();
    post.overdue();
    assert_eq!(actions(&mut post), [TellActive(5), TellInactive]);
    post.proven();
    post.leave(ExitCause::BrokenPipe);
    let leave = Leave(ExitCause::BrokenPipe);
    assert_eq!(actions(&mut post), [TellActive(5), TellInactive, leave]);
}

#[derive(Clone, Copy, Debug)]
enum GroupEventKind {
    Held(i64),
    Lost,
    Proven,
    Overdue,
    Ended(bool),
    Leave,
}

fn events() -> impl Strategy<Value = Vec<GroupEventKind>> {
    let event = prop_oneof![
        (1i64..5).prop_map(GroupEventKind::Held),
        Just(GroupEventKind::Lost),
        Just(GroupEventKind::Proven),
        Just(GroupEventKind::Overdue),
        any::<bool>().prop_map(GroupEventKind::Ended),
        Just(GroupEventKind::Leave),
    ];
    prop::collection::vec(event, 0..40)
}

proptest! {
    /// For any events in any order: a command starts only while none runs, under a claim that is held and proven, and
    /// nothing is left undone at the end.
    #[test]
    fn a_command_runs_only_where_it_may(events in events()) {
        let mut post = Activation::new(true);
        let (mut held, mut proven, mut runs, mut told, mut left) = (None, false, false, false, false);
        for event in events {
            match event {
                GroupEventKind::Held(epoch) => { held = Some(epoch); post.held(epoch); }
                GroupEventKind::Lost => { (held, proven) = (None, false); post.lost(); }
                GroupEventKind::Proven => { proven = true; post.proven(); }
                GroupEventKind::Overdue => { proven = false; post.overdue(); }
                // A command that does not run cannot end.
                GroupEventKind::Ended(_) if !runs => {}
                GroupEventKind::Ended(by_itself) => { runs = false; post.ended(ended(1, by_itself)); }
                GroupEventKind::Leave => post.leave(ExitCause::Signal(15)),
            }
            for action in actions(&mut post) {
                match action {
                    TellActive(epoch) => {
                        prop_assert!(!told && !runs && !left && proven && held == Some(epoch));
                        told = true;
                    }
                    Start(epoch) => {
                        prop_assert!(told && !runs && !left && proven && held == Some(epoch));
                        runs = true;
                    }
                    TellInactive => { prop_assert!(told && !runs); told = false; }
                    Stop | Kill => prop_assert!(runs),
                    Leave(_) => { prop_assert!(!runs && !told && !left); left = true; }
                }
            }
            prop_assert_eq!(post.is_busy(), runs);
        }
    }
}
