//! The claims below `/heart_beat_master`: their names, their order, their values.
//!
//! The names follow Curator's lock recipe (`_c_<uuid>-lock-<sequence>`), so that Curator's tools and locks
//! accept the line as their own.

use super::escape::{LONGEST_NAME, Line, unescape};

/// The part before the number in the name of a claim with precedence. Curator's lock orders its line by the
/// part after `lock-`, so it treats the claim like any other.
const STANDING: &str = "-standing-lock-";

/// The part before the number in the name of every claim (Curator's `LockInternals`).
const LOCK: &str = "-lock-";

/// The prefix of the names of one member's claims; the server appends the sequence number. A `standing`
/// master's claim has precedence over those of working members.
pub fn prefix(id: &str, standing: bool) -> String {
    if standing {
        format!("_c_{id}{STANDING}")
    } else {
        format!("_c_{id}-lock-")
    }
}

/// Whether a claim is that of a dedicated master.
pub fn is_standing(name: &str) -> bool {
    name.contains(STANDING)
}

/// The sequence number that the server gave a claim; `None` if the name is not a claim's.
pub fn sequence(name: &str) -> Option<i64> {
    let (_, sequence) = name.rsplit_once(LOCK)?;
    // The server writes a `-` after 2^31 claims, and never a `+`.
    let is_ours = !sequence.starts_with('+');
    is_ours.then(|| sequence.parse().ok())?
}

/// Whether a text has the form of a claim's name: one component of a path, with the server's number at its
/// end.
pub fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && c != '/';
    text.len() <= LONGEST_NAME && text.chars().all(is_plain) && sequence(text).is_some()
}

/// The key of the line that says where the holder accepts direct connections.
const TRANSPORT: &str = "transport: ";
/// Maximum length of that line's value in bytes: an IPv6 address with its port and scope, a space, and a key.
const LONGEST_ENDPOINT: usize = 160;

/// Formats a claim's value: the holder's name; below it the last beat, if the holder beats; and where it accepts direct
/// connections, if it does.
pub fn value(holder: &str, beat: &str, endpoint: Option<&str>) -> String {
    let mut value = format!("{}\n{beat}", Line(holder));
    if let Some(endpoint) = endpoint {
        value.extend([TRANSPORT, endpoint, "\n"]);
    }
    value
}

/// Where the holder of a claim accepts direct connections, from the claim's value.
pub fn endpoint(value: &[u8]) -> Option<&str> {
    let lines = value.split(|byte| *byte == b'\n').skip(1);
    let mut found = lines.filter_map(|line| line.strip_prefix(TRANSPORT.as_bytes()));
    let endpoint = found.next()?;
    let endpoint = std::str::from_utf8(endpoint).ok()?;
    (endpoint.len() <= LONGEST_ENDPOINT).then_some(endpoint)
}

/// Whether a claim's value has the form of [`value()`] and is not the value of another program's lock.
pub fn is_ours(value: &[u8]) -> bool {
    value.contains(&b'\n')
}

/// Whether a claim's value holds a beat below its owner's name.
pub fn is_beat(value: &[u8]) -> bool {
    let end = value.iter().position(|byte| *byte == b'\n');
    let below = end.and_then(|end| value.get(end + 1..));
    below.is_some_and(|below| !below.is_empty() && !below.starts_with(TRANSPORT.as_bytes()))
}

/// The name of a claim's holder, from its value.
pub fn holder(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    unescape(text.lines().next().unwrap_or_default())
}

/// The claims of the line in order: dedicated masters before all others, and first come, first served. A name
/// without a sequence number is not a claim.
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
            value("map1.0", "alive at 1.5!\n", None),
            "map1.0\nalive at 1.5!\n"
        );
        assert_eq!(holder(value("map1.0", "", None).as_bytes()), "map1.0");
        assert_eq!(holder(b""), "");
        assert!(is_beat(value("map1.0", "alive at 1.5!\n", None).as_bytes()));
        assert!(!is_beat(value("map1.0", "", None).as_bytes()));
        assert!(is_ours(value("map1.0", "", None).as_bytes()));
        // Curator's payload is the host's address.
        assert!(!is_ours(b"10.0.0.7"));
    }

    #[test]
    fn a_claim_says_where_its_holder_accepts_connections() {
        let address = Some("10.0.0.7:4711 00ff");
        let waiting = value("map1.0", "", address);
        assert_eq!(waiting, "map1.0\ntransport: 10.0.0.7:4711 00ff\n");
        let beating = value("map1.0", "alive at 1.5!\n", address);
        for value in [&waiting, &beating] {
            assert_eq!(endpoint(value.as_bytes()), address);
            assert_eq!(holder(value.as_bytes()), "map1.0");
        }
        assert!(!is_beat(waiting.as_bytes()) && is_beat(beating.as_bytes()));
        // A holder may bear any name.
        assert_eq!(endpoint(b"transport: x\n"), None);
        assert_eq!(endpoint(value("map1.0", "", None).as_bytes()), None);
        let long = value("map1.0", "", Some(&"x".repeat(LONGEST_ENDPOINT + 1)));
        assert_eq!(endpoint(long.as_bytes()), None);
    }

    #[test]
    fn only_what_the_server_numbered_is_a_claim() {
        assert!(is_name("_c_a-lock-0000000001"));
        assert!(is_name("_c_a-standing-lock-0000000001"));
        let long = format!("{}-lock-1", "x".repeat(255));
        for wrong in [
            "",
            "a/../b-lock-1",
            "..",
            "notes-2024",
            "-lock-x",
            "-lock-+1",
            "a b-lock-1",
            &long,
        ] {
            assert!(!is_name(wrong), "{wrong:?}");
        }
        assert_eq!(sequence("notes-2024"), None);
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
