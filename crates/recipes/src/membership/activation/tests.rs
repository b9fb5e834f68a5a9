use proptest::prelude::*;

use super::ActivationAction::{Kill, Leave, ReportActive, ReportInactive, Start, Stop};
use super::*;

fn actions(activation: &mut Activation) -> Vec<ActivationAction> {
    std::iter::from_fn(|| activation.poll_action()).collect()
}

fn ended(status: u8, by_itself: bool) -> Ended {
    Ended { status, by_itself }
}

fn active() -> Activation {
    let mut activation = Activation::new(true);
    activation.held(5);
    assert_eq!(actions(&mut activation), [], "not without a proof");
    activation.proven();
    assert_eq!(actions(&mut activation), [ReportActive(5), Start(5)]);
    activation
}

#[test]
fn a_command_that_ends_by_itself_ends_the_membership() {
    let mut activation = active();
    activation.ended(ended(3, true));
    let leave = Leave(ExitCause::Status(3));
    assert_eq!(actions(&mut activation), [ReportInactive, leave]);
}

#[test]
fn an_old_proof_stops_the_command_and_a_new_one_starts_it_again() {
    let mut activation = active();
    activation.overdue();
    assert_eq!(actions(&mut activation), [Stop]);
    activation.overdue();
    activation.proven();
    assert_eq!(
        actions(&mut activation),
        [],
        "not before the old one is gone"
    );
    activation.ended(ended(143, false));
    assert_eq!(
        actions(&mut activation),
        [ReportInactive, ReportActive(5), Start(5)]
    );
}

#[test]
fn a_lost_claim_kills_the_command() {
    let mut activation = active();
    activation.lost();
    assert_eq!(actions(&mut activation), [Kill]);
    activation.held(9);
    activation.proven();
    assert_eq!(
        actions(&mut activation),
        [],
        "not before the old one is gone"
    );
    activation.ended(ended(137, false));
    assert_eq!(
        actions(&mut activation),
        [ReportInactive, ReportActive(9), Start(9)]
    );
}

#[test]
fn a_claim_that_is_lost_while_the_command_is_stopped_kills_it() {
    let mut activation = active();
    activation.overdue();
    activation.lost();
    activation.lost();
    assert_eq!(actions(&mut activation), [Stop, Kill]);
}

#[test]
fn a_command_that_its_keeper_has_stopped_is_not_started_on_the_old_proof() {
    let mut activation = active();
    activation.ended(ended(143, false));
    assert_eq!(actions(&mut activation), [ReportInactive]);
    activation.proven();
    assert_eq!(actions(&mut activation), [ReportActive(5), Start(5)]);
}

#[test]
fn the_znode_is_given_up_after_the_command() {
    let mut activation = active();
    activation.leave(ExitCause::Signal(15));
    assert_eq!(actions(&mut activation), [Stop]);
    activation.leave(ExitCause::Signal(2));
    assert_eq!(actions(&mut activation), [Kill], "said twice");
    activation.ended(ended(0, true));
    let leave = Leave(ExitCause::Signal(15));
    assert_eq!(actions(&mut activation), [ReportInactive, leave]);
}

#[test]
fn who_waits_leaves_at_once() {
    let mut activation = Activation::new(true);
    activation.leave(ExitCause::Signal(15));
    assert_eq!(actions(&mut activation), [Leave(ExitCause::Signal(15))]);
    activation.held(1);
    activation.proven();
    activation.leave(ExitCause::Signal(15));
    assert_eq!(actions(&mut activation), []);
}

#[test]
fn without_a_command_there_is_nothing_to_wait_for() {
    let mut activation = Activation::new(false);
    activation.held(5);
    activation.proven();
    activation.overdue();
    assert_eq!(actions(&mut activation), [ReportActive(5), ReportInactive]);
    activation.proven();
    activation.leave(ExitCause::BrokenPipe);
    let leave = Leave(ExitCause::BrokenPipe);
    assert_eq!(
        actions(&mut activation),
        [ReportActive(5), ReportInactive, leave]
    );
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
        let mut activation = Activation::new(true);
        let (mut held, mut proven, mut runs, mut announced, mut left) = (None, false, false, false, false);
        for event in events {
            match event {
                GroupEventKind::Held(epoch) => { held = Some(epoch); activation.held(epoch); }
                GroupEventKind::Lost => { (held, proven) = (None, false); activation.lost(); }
                GroupEventKind::Proven => { proven = true; activation.proven(); }
                GroupEventKind::Overdue => { proven = false; activation.overdue(); }
                // A command that does not run cannot end.
                GroupEventKind::Ended(_) if !runs => {}
                GroupEventKind::Ended(by_itself) => { runs = false; activation.ended(ended(1, by_itself)); }
                GroupEventKind::Leave => activation.leave(ExitCause::Signal(15)),
            }
            for action in actions(&mut activation) {
                match action {
                    ReportActive(epoch) => {
                        prop_assert!(!announced && !runs && !left && proven && held == Some(epoch));
                        announced = true;
                    }
                    Start(epoch) => {
                        prop_assert!(announced && !runs && !left && proven && held == Some(epoch));
                        runs = true;
                    }
                    ReportInactive => { prop_assert!(announced && !runs); announced = false; }
                    Stop | Kill => prop_assert!(runs),
                    Leave(_) => { prop_assert!(!runs && !announced && !left); left = true; }
                }
            }
            prop_assert_eq!(activation.is_busy(), runs);
        }
    }
}
