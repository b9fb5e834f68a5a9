//! Checks names in foreign values before they are looked up in ZooKeeper.

/// Maximum length in bytes; the names of heartline's own members have at most 200 characters.
const LONGEST: usize = 1024;

/// Whether a name from a report can be the name of a child znode. Any other name may lead elsewhere
/// (`../heart_beat_control`, `a/b`), or ZooKeeper refuses it.
pub fn can_be_looked_up(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= LONGEST
        && !name.chars().any(|c| {
            // ZooKeeper allows the last two ranges in no path.
            c == '/'
                || c.is_control()
                || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}')
        })
}

#[cfg(test)]
mod tests {
    use super::can_be_looked_up;

    #[test]
    fn only_a_name_right_below_is_looked_up() {
        for name in [
            "map1609240709.574485",
            "a b",
            "...",
            "n\u{e4}me",
            &"x".repeat(1024),
        ] {
            assert!(can_be_looked_up(name), "{name}");
        }
        let long = "x".repeat(1025);
        for name in [
            "",
            ".",
            "..",
            "/",
            "a/b",
            "../heart_beat_control",
            "a/../b",
            "/heart_beat_master",
            "a\0",
            "a\u{1b}",
            "a\u{85}",
            "\u{fffd}",
            "\u{e000}",
            &long,
        ] {
            assert!(!can_be_looked_up(name), "{name:?}");
        }
    }
}
