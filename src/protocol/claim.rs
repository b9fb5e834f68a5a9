//! The claims below `/heart_beat_master`: their names, their order, what ZooKeeper knows of one.
//!
//! Names are those of Curator's lock recipe (`_c_<uuid>-lock-<sequence>`), so that Curator's tools
//! and locks see the line as one of theirs.

/// What comes before `lock-` in the name of a claim with precedence. Curator's lock orders its line by
/// what comes after `lock-`, and so takes it for any other claim.
const STANDING: &str = "-standing-lock-";

/// What the names of one member's claims begin with; the server appends the sequence number. A
/// `standing` master's claim has precedence over those of members that work.
pub fn prefix(id: &str, standing: bool) -> String {
    if standing {
        format!("_c_{id}{STANDING}")
    } else {
        format!("_c_{id}-lock-")
    }
}

/// Whether a claim is that of a standing master.
pub fn is_standing(name: &str) -> bool {
    name.contains(STANDING)
}

/// The number that the server gave a claim; `None` for what is no claim.
pub fn sequence(name: &str) -> Option<i64> {
    let (_, sequence) = name.rsplit_once('-')?;
    sequence.parse().ok()
}

/// A claim's value: who holds it, and below that its last beat, if it beats.
pub fn value(holder: &str, beat: &str) -> String {
    format!("{holder}\n{beat}")
}

/// Whether a claim's value is of the form of [`value()`], and not that of another program's lock.
pub fn is_ours(value: &[u8]) -> bool {
    value.contains(&b'\n')
}

/// Whether a claim's value holds a beat below its owner's name.
pub fn is_beat(value: &[u8]) -> bool {
    let end = value.iter().position(|byte| *byte == b'\n');
    end.is_some_and(|end| end + 1 < value.len())
}

/// Who holds a claim, by its value.
pub fn holder(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.lines().next().unwrap_or_default().to_owned()
}

/// The claims of a line: standing masters before all others, and first come first. What has no
/// sequence number is not a claim.
pub fn in_order(names: &[String]) -> Vec<&String> {
    let mut line: Vec<(bool, i64, &String)> = names
        .iter()
        .filter_map(|name| Some((!is_standing(name), sequence(name)?, name)))
        .collect();
    line.sort();
    line.into_iter().map(|(_, _, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_says_whose_it_is() {
        assert_eq!(
            value("map1.0", "alive at 1.5!\n"),
            "map1.0\nalive at 1.5!\n"
        );
        assert_eq!(holder(value("map1.0", "").as_bytes()), "map1.0");
        assert_eq!(holder(b""), "");
        assert!(is_beat(value("map1.0", "alive at 1.5!\n").as_bytes()));
        assert!(!is_beat(value("map1.0", "").as_bytes()));
        assert!(is_ours(value("map1.0", "").as_bytes()));
        // Curator's payload is the host's address.
        assert!(!is_ours(b"10.0.0.7"));
    }

    #[test]
    fn the_line_is_in_the_order_of_creation() {
        let names = [
            "_c_b-lock-0000000003",
            "notes",
            "_c_z-lock-0000000001",
            "x-lock-0000000002",
        ];
        let names = names.map(str::to_owned);
        assert_eq!(in_order(&names), [&names[2], &names[3], &names[0]]);
    }

    #[test]
    fn standing_masters_come_first() {
        let (worker, standing) = (prefix("a", false), prefix("b", true));
        let names = [
            format!("{worker}0000000001"),
            format!("{standing}0000000002"),
        ];
        assert_eq!(in_order(&names), [&names[1], &names[0]]);
        assert!(is_standing(&names[1]) && !is_standing(&names[0]));
        assert_eq!(sequence(&names[1]), Some(2));
    }
}
