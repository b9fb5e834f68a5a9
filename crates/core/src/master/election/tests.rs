//! Tests of the `election` module.

use super::*;

const SESSION: i64 = 7;
const OTHER: &str = "_c_other-lock-0000000001";
const OWN: &str = "_c_me-lock-0000000002";

/// An election that is connected, with the generation of its first request.
fn connected() -> (Election, u64) {
    let mut election = Election::new(SESSION, "me", false);
    election.connected();
    let Some(ElectionAction::Create { generation }) = election.poll_action() else {
        panic!("the first thing to do is to create the claim");
    };
    (election, generation)
}

fn line(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Answers the next request, which must be a listing.
fn list(election: &mut Election, names: &[&str]) {
    let action = election.poll_action();
    let Some(ElectionAction::List { generation, .. }) = action else {
        panic!("expected a listing, got {action:?}");
    };
    election.listed(generation, &line(names));
}

fn elected() -> ElectionAction {
    ElectionAction::Lead(Elected {
        claim: OWN.to_owned(),
        deposed_as: None,
        cause: None,
    })
}

fn leading() -> Election {
    let (mut election, generation) = connected();
    election.created(generation, OWN.to_owned(), SESSION);
    list(&mut election, &[OWN]);
    assert_eq!(election.poll_action(), Some(elected()));
    election
}

#[test]
fn the_first_in_line_leads() {
    leading();
}

#[test]
fn the_second_watches_only_the_one_before_it() {
    let (mut election, generation) = connected();
    election.created(generation, OWN.to_owned(), SESSION);
    list(
        &mut election,
        &[
            "_c_later-lock-0000000003",
            OWN,
            OTHER,
            "_c_x-lock-0000000000",
        ],
    );
    assert_eq!(election.poll_action(), Some(ElectionAction::Follow));
    let Some(ElectionAction::Listen { generation, claim }) = election.poll_action() else {
        panic!()
    };
    assert_eq!(claim, OTHER);
    election.predecessor_gone(generation);
    list(&mut election, &[OWN]);
    assert_eq!(election.poll_action(), Some(elected()));
}

#[test]
fn sequences_are_compared_as_numbers_whatever_the_id() {
    let (mut election, generation) = connected();
    election.created(generation, OWN.to_owned(), SESSION);
    list(&mut election, &["_c_aaa-lock-0000000010", OWN]);
    assert_eq!(election.poll_action(), Some(elected()));
}

#[test]
fn answers_to_older_questions_are_dropped() {
    let (mut election, generation) = connected();
    election.disconnected();
    election.connected();
    let current = election.poll_action();
    election.created(generation, OWN.to_owned(), SESSION);
    assert_eq!(election.poll_action(), None);
    assert!(matches!(
        current,
        Some(ElectionAction::List { fresh: true, .. })
    ));
}

#[test]
fn a_claim_whose_answer_was_lost_is_found_again() {
    let (mut election, _) = connected();
    election.disconnected();
    election.connected();
    list(&mut election, &[OWN]);
    let Some(ElectionAction::Inspect { generation, claim }) = election.poll_action() else {
        panic!()
    };
    election.inspected(generation, claim, Some(SESSION));
    assert_eq!(election.poll_action(), Some(elected()));
}

#[test]
fn a_claim_that_was_not_made_is_made_again() {
    let (mut election, _) = connected();
    election.disconnected();
    election.connected();
    list(&mut election, &[OTHER]);
    assert!(matches!(
        election.poll_action(),
        Some(ElectionAction::Create { .. })
    ));
}

#[test]
fn a_claim_made_twice_is_kept_once() {
    let (mut election, _) = connected();
    election.disconnected();
    election.connected();
    let twice = "_c_me-lock-0000000003";
    list(&mut election, &[twice, OWN]);
    inspect(&mut election, OWN, Some(SESSION));
    assert_eq!(
        election.poll_action(),
        Some(ElectionAction::Remove {
            claim: twice.to_owned()
        })
    );
}

#[test]
fn nobody_leads_on_another_sessions_claim() {
    let (mut election, generation) = connected();
    election.created(generation, OWN.to_owned(), 6);
    list(&mut election, &[OWN]);
    assert!(matches!(
        election.poll_action(),
        Some(ElectionAction::Create { .. })
    ));
}

/// Answers the next request, which must be for the owner of `name`.
fn inspect(election: &mut Election, name: &str, owner: Option<i64>) {
    let action = election.poll_action();
    let Some(ElectionAction::Inspect { generation, claim }) = action else {
        panic!("expected an inspection, got {action:?}");
    };
    assert_eq!(claim, name);
    election.inspected(generation, claim, owner);
}

/// Somebody else can create any name in the line.
#[test]
fn anothers_claim_with_ones_own_prefix_is_one_more_in_the_line() {
    let forged = "_c_me-lock-0000000000";
    let (mut election, generation) = connected();
    election.created(generation, OWN.to_owned(), SESSION);
    list(&mut election, &[forged, OWN]);
    inspect(&mut election, forged, Some(6));
    inspect(&mut election, OWN, Some(SESSION));
    assert_eq!(election.poll_action(), Some(ElectionAction::Follow));
    let Some(ElectionAction::Listen { generation, claim }) = election.poll_action() else {
        panic!("its own claim is not removed, and the forged one is watched like any other");
    };
    assert_eq!(claim, forged);
    election.predecessor_gone(generation);
    list(&mut election, &[OWN]);
    assert_eq!(election.poll_action(), Some(elected()));
}

/// However many there are, the line is listed once.
#[test]
fn znodes_that_are_no_claims_are_passed_over_without_another_list() {
    let (mut election, generation) = connected();
    election.created(generation, OWN.to_owned(), SESSION);
    let junk: Vec<String> = (0..1000)
        .map(|number| format!("_c_x-lock--{number:09}"))
        .collect();
    let mut names: Vec<&str> = junk.iter().map(String::as_str).collect();
    names.push(OWN);
    list(&mut election, &names);
    assert_eq!(election.poll_action(), Some(ElectionAction::Follow));
    for _ in &junk {
        let action = election.poll_action();
        let Some(ElectionAction::Listen { generation, claim }) = action else {
            panic!("expected to listen, got {action:?}");
        };
        election.no_claim(generation, claim);
    }
    assert_eq!(election.poll_action(), Some(elected()));
}

#[test]
fn a_znode_without_a_session_is_no_claim_whatever_its_prefix() {
    let forged = "_c_me-lock-0000000000";
    let (mut election, generation) = connected();
    election.created(generation, OWN.to_owned(), SESSION);
    list(&mut election, &[forged, OWN]);
    inspect(&mut election, forged, Some(0));
    inspect(&mut election, OWN, Some(SESSION));
    assert_eq!(election.poll_action(), Some(elected()));
}

#[test]
fn disconnected_is_stepped_down_and_the_same_claim_leads_again() {
    let mut election = leading();
    election.disconnected();
    assert_eq!(election.poll_action(), Some(ElectionAction::StepDown));
    election.connected();
    list(&mut election, &[OWN]);
    assert_eq!(election.poll_action(), Some(elected()));
}

#[test]
fn two_reconnections_in_quick_succession_lead_once() {
    let mut election = leading();
    election.connected();
    election.connected();
    assert_eq!(election.poll_action(), Some(ElectionAction::StepDown));
    let Some(ElectionAction::List {
        generation: old, ..
    }) = election.poll_action()
    else {
        panic!()
    };
    election.listed(old, &line(&[OWN]));
    list(&mut election, &[OWN]);
    assert_eq!(election.poll_action(), Some(elected()));
    assert_eq!(election.poll_action(), None);
}

#[test]
fn the_deposed_goes_to_the_end_of_the_line() {
    let mut election = leading();
    election.deposed();
    assert_eq!(election.poll_action(), Some(ElectionAction::StepDown));
    list(&mut election, &[OTHER]);
    assert!(matches!(
        election.poll_action(),
        Some(ElectionAction::Create { .. })
    ));
}

#[test]
fn the_released_does_nothing_more() {
    let mut election = leading();
    election.release();
    election.connected();
    election.predecessor_gone(99);
    assert_eq!(election.poll_action(), None);
}

const STANDING: &str = "_c_me-standing-lock-0000000003";

/// A dedicated master's election, with its claim made.
fn standing() -> Election {
    let mut election = Election::new(SESSION, "me", true);
    election.connected();
    let Some(ElectionAction::Create { generation }) = election.poll_action() else {
        panic!()
    };
    election.created(generation, STANDING.to_owned(), SESSION);
    election
}

#[test]
fn a_standing_master_deposes_the_one_in_office_and_leads() {
    let mut election = standing();
    list(&mut election, &["_c_b-lock-0000000002", OTHER, STANDING]);
    let lead = |deposed_as| {
        Some(ElectionAction::Lead(Elected {
            claim: STANDING.to_owned(),
            deposed_as,
            cause: None,
        }))
    };
    assert_eq!(election.poll_action(), lead(None));
    election.contested(Some(OTHER.to_owned()));
    let Some(ElectionAction::Depose {
        generation,
        own,
        claim,
        version,
        cause: None,
    }) = election.poll_action()
    else {
        panic!()
    };
    assert_eq!(
        (own.as_str(), claim.as_str(), version),
        (STANDING, OTHER, None)
    );
    election.deposed_as(generation, DeposeOutcome::Done, (EndReason::Deposed, None));
    list(&mut election, &["_c_b-lock-0000000002", STANDING]);
    assert_eq!(election.poll_action(), lead(Some(EndReason::Deposed)));
}

#[test]
fn who_was_overtaken_looks_at_the_line_again() {
    let mut election = leading();
    election.contested(None);
    list(&mut election, &["_c_a-standing-lock-0000000003", OWN]);
    assert_eq!(election.poll_action(), Some(ElectionAction::Follow));
}

#[test]
fn a_standing_master_waits_behind_another() {
    let mut election = standing();
    let first = "_c_a-standing-lock-0000000002";
    list(&mut election, &[OTHER, first, STANDING]);
    assert_eq!(election.poll_action(), Some(ElectionAction::Follow));
    let listen = election.poll_action();
    assert!(
        matches!(&listen, Some(ElectionAction::Listen { claim, .. }) if claim == first),
        "{listen:?}"
    );
}

/// An election that follows, with the generation of its `Listen` action.
fn following() -> (Election, u64) {
    let (mut election, generation) = connected();
    election.created(generation, OWN.to_owned(), SESSION);
    list(&mut election, &[OTHER, OWN]);
    election.poll_action();
    let Some(ElectionAction::Listen { generation, .. }) = election.poll_action() else {
        panic!()
    };
    (election, generation)
}

#[test]
fn the_next_in_line_deposes_a_silent_master() {
    let (mut election, generation) = following();
    election.silent(generation, (OTHER.to_owned(), 17), DeathCause::Closed);
    let depose = ElectionAction::Depose {
        generation,
        own: OWN.to_owned(),
        claim: OTHER.to_owned(),
        version: Some(17),
        cause: Some(DeathCause::Closed),
    };
    assert_eq!(election.poll_action(), Some(depose));
    election.deposed_as(
        generation,
        DeposeOutcome::Done,
        (EndReason::Dead, Some(DeathCause::Closed)),
    );
    list(&mut election, &[OWN]);
    let lead = Elected {
        claim: OWN.to_owned(),
        deposed_as: Some(EndReason::Dead),
        cause: Some(DeathCause::Closed),
    };
    assert_eq!(election.poll_action(), Some(ElectionAction::Lead(lead)));
}

#[test]
fn who_deposed_the_master_knows_it_also_when_it_sees_the_claim_go_first() {
    let (mut election, generation) = following();
    election.silent(generation, (OTHER.to_owned(), 17), DeathCause::Closed);
    election.poll_action();
    election.predecessor_gone(generation);
    election.deposed_as(
        generation,
        DeposeOutcome::Done,
        (EndReason::Dead, Some(DeathCause::Closed)),
    );
    list(&mut election, &[OWN]);
    let lead = election.poll_action();
    assert!(
        matches!(&lead, Some(ElectionAction::Lead(elected)) if elected.deposed_as == Some(EndReason::Dead)),
        "{lead:?}"
    );
}

#[test]
fn a_master_that_beat_in_the_last_moment_is_listened_to_further() {
    let (mut election, generation) = following();
    election.silent(generation, (OTHER.to_owned(), 17), DeathCause::Closed);
    election.poll_action();
    election.deposed_as(
        generation,
        DeposeOutcome::Spared,
        (EndReason::Dead, Some(DeathCause::Closed)),
    );
    assert_eq!(election.poll_action(), None);
    election.predecessor_gone(generation);
    list(&mut election, &[OWN]);
    assert_eq!(election.poll_action(), Some(elected()));
}

#[test]
fn who_was_declared_dead_goes_to_the_end_of_the_line() {
    let (mut election, generation) = following();
    election.silent(generation, (OTHER.to_owned(), 17), DeathCause::Closed);
    election.poll_action();
    election.deposed_as(
        generation,
        DeposeOutcome::Void,
        (EndReason::Dead, Some(DeathCause::Closed)),
    );
    list(&mut election, &[OTHER]);
    assert!(matches!(
        election.poll_action(),
        Some(ElectionAction::Create { .. })
    ));
}
