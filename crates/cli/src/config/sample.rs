//! A settings file with every setting, its meaning and its default, all commented out.

use std::fmt::Write as _;

use super::catalog::OptionEntry;

/// The width of comments, in characters.
const WIDTH: usize = 100;
/// A setting of more programs than these is one of most programs.
const FEW: usize = 4;

const HEAD: &str = "\
# Settings of heartline, for all programs of a host. Programs read the file that the variable HEARTLINE_CONFIG, or the
# property heartline.config of a Hadoop job, names; only root or the user of a program may be able to write it.
#
# An option on the command line wins, then its variable (HEARTLINE_BEAT_BUDGET for beat-budget), then the property of the
# job (heartline.beat.budget), then this file. A key that is no setting is an error. 'heartline config show' tells which
# value holds, and where it comes from.
#
# Each line below shows a default. Where there is none, or where it depends on the host, it shows the form of a value.
";

/// The text of the file. The same options give the same text.
pub(super) fn text(settings: &[OptionEntry]) -> String {
    let mut text = HEAD.to_owned();
    let mut heading = None;
    for setting in settings {
        let Some(key) = setting.key() else {
            continue;
        };
        if heading != Some(&setting.heading) {
            heading = Some(&setting.heading);
            let rule = "-".repeat(WIDTH.saturating_sub(setting.heading.len() + 7));
            let _ = write!(text, "\n# ---- {} {rule}\n", setting.heading);
        }
        text.push('\n');
        for paragraph in setting.help.lines() {
            comment(&mut text, paragraph);
        }
        if let Some(name) = &setting.value_name {
            let values = match setting.values.as_slice() {
                [] => name.clone(),
                values => values.join(" or "),
            };
            comment(&mut text, &format!("Value: {values}."));
        }
        if setting.programs.len() < FEW {
            comment(&mut text, &format!("For: {}.", setting.programs.join(", ")));
        }
        let _ = writeln!(text, "#{key} = {}", value(setting));
    }
    text
}

/// The default as TOML, or the form of a value.
fn value(setting: &OptionEntry) -> String {
    let form = setting.default.as_ref();
    let form = form
        .or(setting.values.first())
        .or(setting.value_name.as_ref());
    let form = form.cloned().unwrap_or_default();
    if setting.is_switch() || form.parse::<u32>().is_ok() {
        return form;
    }
    // Defaults have no control characters, which TOML would escape otherwise.
    format!("{form:?}")
}

/// Appends a comment, broken between words.
fn comment(text: &mut String, paragraph: &str) {
    let mut line = String::new();
    for word in paragraph.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "# {line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(text, "{}", format!("# {line}").trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(key: &str, default: Option<&str>, value_name: Option<&str>) -> OptionEntry {
        OptionEntry {
            option: format!("--{key}"),
            variable: Some(format!("HEARTLINE_{}", key.to_uppercase())),
            value_name: value_name.map(str::to_owned),
            values: Vec::new(),
            default: default.map(str::to_owned),
            help: "What it does".to_owned(),
            heading: "Heartbeat".to_owned(),
            programs: vec!["run".to_owned()],
            id: key.to_owned(),
        }
    }

    #[test]
    fn a_value_has_the_type_that_the_file_takes() {
        let shown = |default, name| value(&setting("a", default, name));
        assert_eq!(shown(Some("5ms"), Some("DURATION")), "\"5ms\"");
        assert_eq!(shown(Some("5000"), Some("BEATS")), "5000");
        assert_eq!(shown(Some("false"), None), "false");
        assert_eq!(shown(None, Some("HOST[:PORT]")), "\"HOST[:PORT]\"");
    }

    #[test]
    fn each_setting_has_its_meaning_above_it() {
        let text = text(&[setting("interval", Some("5ms"), Some("DURATION"))]);
        let end = "----\n\n# What it does\n# Value: DURATION.\n# For: run.\n#interval = \"5ms\"\n";
        assert!(text.ends_with(end), "{text}");
        assert!(text.contains("# ---- Heartbeat ---"), "{text}");
    }

    #[test]
    fn comments_are_broken_between_words() {
        let mut text = String::new();
        comment(&mut text, &"word ".repeat(40));
        assert!(text.lines().count() > 1);
        assert!(text.lines().all(|line| line.len() <= WIDTH + 2), "{text}");
    }
}
