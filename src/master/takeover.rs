//! How the first in line becomes master: pure rules for the step from the line into office.
//!
//! Who is in office is said by the last report, with the claim that its master holds. To take over is
//! to write the next one, on condition that it is still the one that was read (a compare-and-set on
//! the znode's version, as Kafka's controllers guard their epoch, KAFKA-6082). In this order:
//!
//! 1. read the report, with its version;
//! 2. beat on the own claim: the zxid of that write is later than every epoch that the report can
//!    know of, and becomes the new one;
//! 3. list the line: go on only if the own claim is first, and the claim in office is gone
//!    ([`judge`]);
//! 4. write the first report if the version is still that of step 1.
//!
//! Two who both believe themselves first, whatever they have read of an old line, cannot both pass
//! step 4; and who passed it is known by its report to whoever comes next.

use crate::protocol::Report;
use crate::protocol::claim::in_order;

/// What the first in line is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Take over, or go on: nobody else is in office.
    Begin,
    /// Depose the master in office first, whose claim this is.
    Contested(String),
    /// Look again: another is first by now.
    Overtaken,
}

/// What the one with the claim `own` is to do after it has read `report`, and then `line`.
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
