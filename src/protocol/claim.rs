//! The claims below `/heart_beat_master`: their names, their order, what ZooKeeper knows of one.
//!
//! Names are those of Curator's lock recipe (`_c_<uuid>-lock-<sequence>`), so that Curator's tools
//! and locks see the line as one of theirs.

/// What the names of one member's claims begin with; the server appends the sequence number.
pub fn prefix(id: &str) -> String {
    format!("_c_{id}-lock-")
}

/// A claim's value: who holds it, and below that its last beat, if it beats.
pub fn value(holder: &str, beat: &str) -> String {
    format!("{holder}\n{beat}")
}

/// Who holds a claim, by its value.
pub fn holder(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.lines().next().unwrap_or_default().to_owned()
}

/// What ZooKeeper knows of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimStat {
    /// The zxid that created it.
    pub created: i64,
    /// The session that it dies with.
    pub owner: i64,
}

/// The claims of a line, first come first. What has no sequence number is not a claim.
pub fn in_order(names: &[String]) -> Vec<&String> {
    let mut line: Vec<(i64, &String)> = names
        .iter()
        .filter_map(|name| {
            let (_, sequence) = name.rsplit_once('-')?;
            Some((sequence.parse().ok()?, name))
        })
        .collect();
    line.sort();
    line.into_iter().map(|(_, name)| name).collect()
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
}
