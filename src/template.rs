//! A command that is given as one text, with places for what is known only when it is to run. It is split into
//! words as a shell does, but without one, and the places are filled in the words: whatever a value says, it
//! stays within its word.

use std::str::FromStr;

/// A command with places such as `{attempt}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<String>);

impl Template {
    /// The words of the command, with each `{name}` replaced by the value of that name. What stands in braces
    /// and is no such name stays as it is.
    pub fn fill(&self, values: &[(&str, &str)]) -> Vec<String> {
        self.0.iter().map(|word| fill(word, values)).collect()
    }
}

fn fill(word: &str, values: &[(&str, &str)]) -> String {
    let (mut filled, mut rest) = (String::new(), word);
    while let Some((before, place)) = rest.split_once('{') {
        filled.push_str(before);
        let known = values.iter().find_map(|(name, value)| {
            let after = place.strip_prefix(name)?.strip_prefix('}')?;
            Some((value, after))
        });
        if let Some((value, after)) = known {
            filled.push_str(value);
            // What was put in is not looked at again.
            rest = after;
        } else {
            filled.push('{');
            rest = place;
        }
    }
    filled.push_str(rest);
    filled
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = shlex::split(text).ok_or_else(|| {
            format!("'{text}' has a quotation mark or a backslash without its end; write the command as for a shell")
        })?;
        if words.first().is_none_or(String::is_empty) {
            return Err("it names no command; write one and its arguments".to_owned());
        }
        if text.contains('\0') {
            return Err("no command has a zero byte in it".to_owned());
        }
        Ok(Self(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, values: &[(&str, &str)]) -> Vec<String> {
        text.parse::<Template>().unwrap().fill(values)
    }

    #[test]
    fn words_are_split_first_and_filled_then() {
        let values = [("attempt", "a b; rm -rf '\"$(x)"), ("task", "t")];
        assert_eq!(
            words("sh -c 'echo {task} >> \"f g\"' {attempt} x{task}y", &values),
            ["sh", "-c", "echo t >> \"f g\"", values[0].1, "xty"]
        );
    }

    #[test]
    fn what_was_put_in_is_not_filled_again() {
        let values = [("attempt", "{task}"), ("task", "{attempt}")];
        assert_eq!(words("{attempt}{task}", &values), ["{task}{attempt}"]);
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
