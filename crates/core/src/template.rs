//! A command given as one text, with placeholders for values that are known only when it runs. The text is split into
//! words like in a shell, but without running one, and the placeholders are replaced within the words: whatever
//! a value contains, it stays in its word.
//!
//! Values come from the environment and from ZooKeeper, where others write them. A command may still take a word
//! for an option or for a path elsewhere (`-o`, `../../x`), so each value must have a format that no command
//! misinterprets ([`UnfitValue`]).

use std::str::FromStr;

/// A command with placeholders such as `{attempt}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<String>);

/// A rejected value: not a number for `{pid}` or `{epoch}`; for other placeholders, not a word
/// of letters, digits, `.`, `-` and `_` (and `:` in `{host}`) that begins with a letter, a digit or `_`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is no value for {{{place}}}, which takes {}", text.escape_debug(), ValueFormat::of(place).wanted())]
pub struct UnfitValue {
    place: String,
    text: String,
}

/// The format that the values of a placeholder must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueFormat {
    Number,
    Host,
    Word,
}

impl ValueFormat {
    fn of(place: &str) -> Self {
        match place {
            "pid" | "epoch" => Self::Number,
            "host" => Self::Host,
            _ => Self::Word,
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Number => "digits",
            Self::Host => {
                "at most 255 letters, digits, '.', '-', '_' and ':', not beginning with '.', '-' or ':'"
            }
            Self::Word => {
                "at most 255 letters, digits, '.', '-' and '_', not beginning with '.' or '-'"
            }
        }
    }

    /// An empty value, which means unknown, fits each format.
    fn fits(self, text: &str) -> bool {
        let is_plain = |c: char| match self {
            Self::Number => c.is_ascii_digit(),
            Self::Host => c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'),
            Self::Word => c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'),
        };
        text.len() <= 255 && text.chars().all(is_plain) && !text.starts_with(['.', '-', ':'])
    }
}

/// Returns a value for the placeholder `place` if it has the format that [`Template::fill`] requires. Otherwise returns
/// an empty text, as for an unknown value.
pub fn fitting<'a>(place: &str, value: &'a str) -> &'a str {
    if ValueFormat::of(place).fits(value) {
        value
    } else {
        ""
    }
}

impl Template {
    /// The words of the command, with each `{name}` replaced by its value. Other text in braces
    /// stays as it is. Fails if a value does not have the format of its placeholder.
    pub fn fill(&self, values: &[(&str, &str)]) -> Result<Vec<String>, UnfitValue> {
        let words = self.0.iter();
        words.map(|word| fill(word, values)).collect()
    }

    /// The command with these words, which are not split again. The error says what to write instead.
    pub fn of_words(words: Vec<String>) -> Result<Self, String> {
        if words.first().is_none_or(String::is_empty) {
            return Err("it names no command; write one and its arguments".to_owned());
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err("a command cannot contain a zero byte".to_owned());
        }
        Ok(Self(words))
    }

    /// Whether the command contains `{name}`.
    pub fn has(&self, name: &str) -> bool {
        let place = format!("{{{name}}}");
        self.0.iter().any(|word| word.contains(&place))
    }
}

fn fill(word: &str, values: &[(&str, &str)]) -> Result<String, UnfitValue> {
    let (mut filled, mut rest) = (String::new(), word);
    while let Some((before, place)) = rest.split_once('{') {
        filled.push_str(before);
        let known = values.iter().find_map(|(name, value)| {
            let after = place.strip_prefix(name)?.strip_prefix('}')?;
            Some((name, value, after))
        });
        if let Some((name, value, after)) = known {
            if !ValueFormat::of(name).fits(value) {
                return Err(UnfitValue {
                    place: (*name).to_owned(),
                    text: (*value).to_owned(),
                });
            }
            filled.push_str(value);
            // The inserted value is not searched again.
            rest = after;
        } else {
            filled.push('{');
            rest = place;
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = shlex::split(text).ok_or_else(|| {
            format!("'{text}' has an unclosed quotation mark or ends with a backslash; quote it as for a shell")
        })?;
        Self::of_words(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, values: &[(&str, &str)]) -> Vec<String> {
        text.parse::<Template>().unwrap().fill(values).unwrap()
    }

    #[test]
    fn words_are_split_first_and_filled_then() {
        let values = [("attempt", "attempt_1_0001_m_000000_0"), ("task", "t")];
        assert_eq!(
            words("sh -c 'echo {task} >> \"f g\"' {attempt} x{task}y", &values),
            ["sh", "-c", "echo t >> \"f g\"", values[0].1, "xty"]
        );
    }

    #[test]
    fn only_values_that_no_command_mistakes_are_filled_in() {
        let all: Template = "x {attempt} {task} {job} {node} {host} {pid} {epoch}"
            .parse()
            .unwrap();
        for (name, value) in [
            ("attempt", "attempt_1795_0001_m_000002_0"),
            ("attempt", "attempt_local12_0001_r_000000_0"),
            ("task", "daily-export.2"),
            ("job", "job_1795_0001"),
            ("node", "_map1795.12"),
            ("host", "fe80::1"),
            ("host", "hd-slave1.example.org"),
            ("pid", "17"),
            ("epoch", ""),
        ] {
            assert!(all.fill(&[(name, value)]).is_ok(), "{name}: {value}");
        }
        for wrong in [
            "-o",
            "--force",
            "../../x",
            "..",
            ".x",
            "/etc",
            "a/b",
            "a b",
            "$(reboot)",
            "a;b",
            "a\nb",
            "ä",
            "\u{1b}[2J",
            "{task}",
            "*",
            "~",
            &"x".repeat(256),
        ] {
            for name in ["attempt", "task", "job", "node", "host", "pid", "epoch"] {
                let error = all.fill(&[(name, wrong)]).unwrap_err().to_string();
                let named = format!("is no value for {{{name}}}, which takes ");
                assert!(error.contains(&named), "{error}");
                assert!(!error.contains(char::is_control), "{error}");
            }
        }
        assert!(all.fill(&[("host", ":1")]).is_err());
        assert!(all.fill(&[("pid", "1a")]).is_err());
        assert!(all.fill(&[("node", "a:b")]).is_err());
        // A value that is not used is not checked.
        let none: Template = "x".parse().unwrap();
        assert!(none.fill(&[("job", "../x")]).is_ok() && !none.has("job") && all.has("job"));
    }

    #[test]
    fn other_braces_stay() {
        assert_eq!(
            words("awk '{print} {task' {} {task}} {no}", &[("task", "t")]),
            ["awk", "{print} {task", "{}", "t}", "{no}"]
        );
        assert_eq!(words("x {task}", &[("task", "")]), ["x", ""]);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for wrong in ["", "  ", "'a", "a \"b", "a\\", "'' a", "# a"] {
            assert!(wrong.parse::<Template>().is_err(), "{wrong:?}");
        }
    }
}
