use super::*;

const OWN: i64 = 7;

fn seen(owner: i64, created: i64) -> ZnodeState {
    ZnodeState {
        owner,
        created,
        value: format!("m{owner}:2223"),
    }
}

fn actions(claim: &mut Claim) -> Vec<ClaimAction> {
    std::iter::from_fn(|| claim.poll_action()).collect()
}

fn waits_for(owner: i64) -> ClaimAction {
    ClaimAction::Wait {
        holder: format!("m{owner}:2223"),
    }
}

/// A claim whose create request was just issued.
fn begun() -> Claim {
    let mut claim = Claim::new(OWN);
    claim.connected();
    assert_eq!(actions(&mut claim), [ClaimAction::Create { generation: 2 }]);
    claim
}

/// A claim that holds the znode with zxid 40 and watches it.
fn holding() -> Claim {
    let mut claim = begun();
    claim.created(2, Some(40));
    let hold = ClaimAction::Hold { epoch: 40 };
    assert_eq!(
        actions(&mut claim),
        [hold, ClaimAction::Look { generation: 3 }]
    );
    claim.looked(3, Some(seen(OWN, 40)));
    assert_eq!(actions(&mut claim), []);
    assert!(claim.is_certain());
    claim
}

#[test]
fn who_finds_it_taken_waits_and_creates_it_when_it_is_gone() {
    let mut claim = begun();
    claim.created(2, None);
    assert_eq!(actions(&mut claim), [ClaimAction::Look { generation: 3 }]);
    claim.looked(3, Some(seen(1, 30)));
    assert_eq!(actions(&mut claim), [waits_for(1)]);
    claim.changed(3);
    assert_eq!(actions(&mut claim), [ClaimAction::Look { generation: 4 }]);
    claim.looked(4, None);
    assert_eq!(actions(&mut claim), [ClaimAction::Create { generation: 5 }]);
    claim.created(5, Some(50));
    let hold = ClaimAction::Hold { epoch: 50 };
    assert_eq!(
        actions(&mut claim),
        [hold, ClaimAction::Look { generation: 6 }]
    );
}

#[test]
fn a_create_whose_answer_was_lost_is_found_by_its_owner() {
    let mut claim = begun();
    claim.disconnected();
    claim.connected();
    assert_eq!(actions(&mut claim), [ClaimAction::Look { generation: 5 }]);
    claim.looked(5, Some(seen(OWN, 40)));
    assert_eq!(actions(&mut claim), [ClaimAction::Hold { epoch: 40 }]);
}

#[test]
fn a_lost_connection_ends_no_claim_but_its_certainty() {
    let mut claim = holding();
    claim.disconnected();
    assert!(!claim.is_certain());
    claim.connected();
    assert!(!claim.is_certain());
    assert_eq!(actions(&mut claim), [ClaimAction::Look { generation: 6 }]);
    claim.looked(6, Some(seen(OWN, 40)));
    assert!(claim.is_certain());
    assert_eq!(actions(&mut claim), [], "it was held all the time");
}

#[test]
fn what_somebody_deletes_is_lost_and_claimed_again() {
    let mut claim = holding();
    claim.changed(3);
    assert_eq!(actions(&mut claim), [ClaimAction::Look { generation: 4 }]);
    claim.looked(4, None);
    let create = ClaimAction::Create { generation: 5 };
    assert_eq!(actions(&mut claim), [ClaimAction::Lose, create]);
    assert!(!claim.is_certain());
}

#[test]
fn what_somebody_else_has_created_meanwhile_is_lost() {
    let mut claim = holding();
    claim.disconnected();
    claim.connected();
    claim.looked(6, Some(seen(2, 41)));
    let look = ClaimAction::Look { generation: 6 };
    assert_eq!(actions(&mut claim), [look, ClaimAction::Lose, waits_for(2)]);
}

#[test]
fn a_znode_of_this_session_that_is_another_one_is_a_new_claim() {
    let mut claim = holding();
    claim.changed(3);
    claim.looked(4, Some(seen(OWN, 60)));
    let look = ClaimAction::Look { generation: 4 };
    let hold = ClaimAction::Hold { epoch: 60 };
    assert_eq!(actions(&mut claim), [look, ClaimAction::Lose, hold]);
}

#[test]
fn answers_to_older_requests_are_dropped() {
    let mut claim = holding();
    claim.changed(2);
    claim.looked(2, None);
    claim.created(2, None);
    assert_eq!(actions(&mut claim), []);
    claim.disconnected();
    claim.looked(3, None);
    claim.changed(3);
    claim.doubted();
    assert_eq!(actions(&mut claim), []);
}

#[test]
fn a_doubt_is_looked_into() {
    let mut claim = holding();
    claim.doubted();
    assert_eq!(actions(&mut claim), [ClaimAction::Look { generation: 4 }]);
    claim.looked(4, None);
    assert_eq!(actions(&mut claim)[0], ClaimAction::Lose);
}
