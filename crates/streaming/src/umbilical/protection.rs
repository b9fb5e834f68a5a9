//! How the messages of Hadoop's RPC are protected: `hadoop.rpc.protection`.

use std::fmt::{self, Display};

/// The protection of messages after the authentication, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// None.
    Authentication,
    /// Each message has a MAC.
    Integrity,
    /// Each message is encrypted, too.
    Privacy,
}

impl Protection {
    /// All of them, strongest first.
    pub(super) const ALL: [Self; 3] = [Self::Privacy, Self::Integrity, Self::Authentication];

    /// The name in SASL (RFC 2831, `qop`).
    pub(super) fn quality(self) -> &'static str {
        match self {
            Self::Authentication => "auth",
            Self::Integrity => "auth-int",
            Self::Privacy => "auth-conf",
        }
    }

    /// The least that this value of `hadoop.rpc.protection` permits: names in any case, separated by commas or line breaks,
    /// as Hadoop's `Configuration.getTrimmedStrings` reads them. `None` if it holds anything else, or nothing.
    pub(super) fn least(value: &str) -> Option<Self> {
        let one = |name: &str| {
            let is_named = |it: &Self| name.trim().eq_ignore_ascii_case(&it.to_string());
            Self::ALL.into_iter().find(is_named)
        };
        let parts = value
            .split([',', '\n'])
            .filter(|part| !part.trim().is_empty());
        let named: Option<Vec<Self>> = parts.map(one).collect();
        named?.into_iter().min()
    }
}

impl Display for Protection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Authentication => "authentication",
            Self::Integrity => "integrity",
            Self::Privacy => "privacy",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_a_list_counts_whatever_its_order() {
        for (value, least) in [
            ("authentication", Protection::Authentication),
            ("Privacy", Protection::Privacy),
            ("privacy, INTEGRITY", Protection::Integrity),
            ("authentication,privacy", Protection::Authentication),
            ("\n    privacy,\n    integrity\n  ", Protection::Integrity),
            ("privacy\nauthentication", Protection::Authentication),
            ("privacy\r\n", Protection::Privacy),
            ("privacy,", Protection::Privacy),
            ("integrity , , privacy", Protection::Integrity),
        ] {
            assert_eq!(Protection::least(value), Some(least), "{value}");
        }
        for none in [
            "",
            ",",
            " \n ",
            "auth-conf",
            "privacy,none",
            "privacy integrity",
        ] {
            assert_eq!(Protection::least(none), None, "{none}");
        }
    }
}
