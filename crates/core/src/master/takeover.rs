//! How the first in line becomes master: pure rules for the takeover.
//!
//! The last report names the current master and its claim. A takeover writes the next report, on the
//! condition that the last one is unchanged (a compare-and-set on the znode's version, as Kafka's controllers
//! guard their epoch, KAFKA-6082). In this order:
//!
//! 1. read the report, with its version;
//! 2. beat on the member's own claim: the zxid of that write is later than every epoch that the report can
//!    know of, and becomes the new one;
//! 3. list the line: continue only if the member's own claim is first, and the claim of the current master is
//!    gone ([`judge`]);
//! 4. write the first report if the version is still that of step 1.
//!
//! Two members that both believe themselves first, even on an old view of the line, cannot both pass step 4;
//! and the report shows the next member which of them has passed it.

use crate::protocol::Report;
use crate::protocol::claim::in_order;

/// The next step of the first in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Take over, or continue: no other member is master.
    Begin,
    /// Depose the current master first, whose claim this is.
    Contested(String),
    /// List the line again: another claim is first by now.
    Overtaken,
}

/// The next step of the member with the claim `own` after it has read `report`, and then `line`.
pub fn judge(own: &str, report: &Report, line: &[String]) -> Takeover {
    if in_order(line).first().is_none_or(|first| *first != own) {
        return Takeover::Overtaken;
    }
    let master_info = report.master_info.as_ref();
    match master_info
        .filter(|master_info| master_info.claim != own && line.contains(&master_info.claim))
    {
        Some(master_info) => Takeover::Contested(master_info.claim.clone()),
        None => Takeover::Begin,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::protocol::MasterInfo;

    const OWN: &str = "_c_me-standing-lock-0000000003";
    const OTHER: &str = "_c_other-lock-0000000001";

    fn judged(master_info: Option<&str>, line: &[&str]) -> Takeover {
        let report = Report {
            master_info: master_info.map(|claim| MasterInfo {
                node: "map1.0".to_owned(),
                claim: claim.to_owned(),
                since: DateTime::default(),
                beat_budget: None,
                previous: None,
            }),
            ..Report::default()
        };
        let line: Vec<String> = line.iter().map(|&name| name.to_owned()).collect();
        judge(OWN, &report, &line)
    }

    #[test]
    fn the_first_begins_when_nobody_is_in_office() {
        assert_eq!(judged(None, &[OWN]), Takeover::Begin);
        assert_eq!(judged(Some(OWN), &[OWN]), Takeover::Begin);
        assert_eq!(
            judged(Some("_c_gone-lock-0000000000"), &[OWN, OTHER]),
            Takeover::Begin
        );
    }

    #[test]
    fn who_is_in_office_goes_first() {
        let contested = Takeover::Contested(OTHER.to_owned());
        assert_eq!(judged(Some(OTHER), &[OTHER, OWN]), contested);
    }

    #[test]
    fn nobody_begins_behind_another() {
        let first = "_c_a-standing-lock-0000000002";
        assert_eq!(judged(None, &[first, OWN]), Takeover::Overtaken);
        assert_eq!(judged(None, &[OTHER]), Takeover::Overtaken);
    }
}
