//! The reference of all programs and their options, as Markdown: made from what parses the command line.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Command};

use super::catalog::{OptionEntry, options, programs};
use crate::{run, write_line};

const PROGRAM: &str = "heartline reference";
/// The longest line of a program's notes; one word may be longer.
const WIDTH: usize = 120;

/// Print the reference of all programs and their options as Markdown
#[derive(Args, Clone, Copy, Debug)]
pub struct ReferenceArgs {}

impl ReferenceArgs {
    /// Prints the reference. `tree` is the command `heartline` with all programs as subcommands.
    pub fn run(self, tree: &Command) -> ExitCode {
        run(PROGRAM, async {
            write_line(text(tree).trim_end())?;
            Ok(())
        })
    }
}

fn text(tree: &Command) -> String {
    let mut text = "# Commands\n\nAll programs and their options, made from what parses their command lines: do not edit \
                    this file, but\nrun `heartline reference >docs/reference/commands.md`. [options.md](../options.md) says \
                    where a value may come from.\n"
        .to_owned();
    for (name, program) in programs(tree) {
        let own = [
            "setup-zookeeper",
            "watch-master",
            "watch-slave",
            "wc-mapper",
            "wc-reducer",
        ];
        let full = if own.contains(&name.as_str()) {
            name.clone()
        } else {
            format!("{} {name}", tree.get_name())
        };
        section(&mut text, &full, program);
    }
    text
}

fn section(text: &mut String, name: &str, program: &Command) {
    let _ = write!(text, "\n## `{name}`\n\n");
    let mut program = program.clone().bin_name(name);
    let usage = program.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).trim();
    let about = program.get_long_about().or(program.get_about());
    if let Some(about) = about {
        let _ = write!(text, "{}\n\n", escaped(&about.to_string()));
    }
    let _ = write!(text, "```text\n{usage}\n```\n");
    let positionals: Vec<String> = program
        .get_positionals()
        .filter(|argument| !argument.is_hide_set())
        .map(|argument| {
            let help = argument.get_long_help().or(argument.get_help());
            let help = help.map(ToString::to_string).unwrap_or_default();
            format!("- `{argument}`: {}\n", escaped(&one_line(&help)))
        })
        .collect();
    if !positionals.is_empty() {
        let _ = write!(text, "\n{}", positionals.concat());
    }
    let mut options = options(&program);
    options.retain(|entry| entry.id != "help" && entry.id != "version");
    if !options.is_empty() {
        text.push_str("\n| option | variable | default | meaning |\n| --- | --- | --- | --- |\n");
    }
    for entry in options {
        row(text, &entry);
    }
    let notes = program.get_after_long_help().or(program.get_after_help());
    if let Some(notes) = notes {
        text.push_str(&notes_section(&notes.to_string()));
    }
}

/// Exit statuses and examples as they stand in the help, where lines are broken for a terminal.
fn notes_section(notes: &str) -> String {
    let lines: Vec<String> = notes.trim_end().lines().map(wrapped).collect();
    format!("\n```text\n{}\n```\n", lines.join("\n"))
}

/// A line of the help, broken where it is too long to be read.
fn wrapped(line: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in line.split_inclusive(' ') {
        let length = word.chars().count();
        if width > 0 && width + word.trim_end().chars().count() > WIDTH {
            text.truncate(text.trim_end().len());
            text.push('\n');
            width = 0;
        }
        text.push_str(word);
        width += length;
    }
    text
}

fn row(text: &mut String, entry: &OptionEntry) {
    let option = match &entry.value_name {
        Some(name) => format!("{} {name}", entry.option),
        None => entry.option.clone(),
    };
    let code = |value: &Option<String>| match value {
        Some(value) => format!("`{}`", value.replace('|', "\\|")),
        None => String::new(),
    };
    let default = if entry.is_switch() {
        String::new()
    } else {
        code(&entry.default)
    };
    let values = match entry.values.as_slice() {
        [] => String::new(),
        values => format!(": `{}`", values.join("`, `")),
    };
    let _ = writeln!(
        text,
        "| {} | {} | {default} | {}{values} |",
        code(&Some(option)),
        code(&entry.variable),
        escaped(&one_line(&entry.help)),
    );
}

fn one_line(help: &str) -> String {
    help.split_whitespace()
        .map(address_as_code)
        .collect::<Vec<_>>()
        .join(" ")
}

/// An address is code: Markdown would make a link of it, also where it stands for many (`https://…`).
fn address_as_code(word: &str) -> Cow<'_, str> {
    let address = word.trim_end_matches([',', ';', '.', ':', ')']);
    if !address.contains("://") || word.contains('`') {
        return word.into();
    }
    let (open, address) = match address.strip_prefix('(') {
        Some(address) => ("(", address),
        None => ("", address),
    };
    let rest = &word[open.len() + address.len()..];
    format!("{open}`{address}`{rest}").into()
}

/// The text without what Markdown would read as something else: tags, tables, links. What stands in backticks is code.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut is_code = false;
    for character in text.chars() {
        is_code ^= character == '`';
        let is_read = matches!(character, '<' | '>' | '*' | '_' | '[' | ']' | '{' | '}');
        if character == '|' || is_read && !is_code {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_each_program_with_its_options() {
        let tree = Command::new("heartline").subcommand(
            Command::new("run")
                .about("Run <it>")
                .after_long_help("Exit status: 0 if <it> | ran\n\nExamples:\n  heartline run")
                .arg(
                    clap::Arg::new("grace")
                        .long("grace")
                        .value_name("DURATION")
                        .env("HEARTLINE_GRACE")
                        .default_value("5s")
                        .help("Time | for it, or (https://…)"),
                ),
        );
        let text = text(&tree);
        for part in [
            "## `heartline run`\n\nRun \\<it\\>\n",
            "```text\nheartline run [OPTIONS]\n```\n",
            "\n```text\nExit status: 0 if <it> | ran\n\nExamples:\n  heartline run\n```\n",
            "| `--grace DURATION` | `HEARTLINE_GRACE` | `5s` | Time \\| for it, or (`https://…`) |\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_long_line_of_the_notes_is_broken() {
        let word = "word ".repeat(30);
        let text = wrapped(word.trim_end());
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lines, [119, 29]);
        assert_eq!(wrapped("  heartline run"), "  heartline run");
        assert_eq!(wrapped(""), "");
    }
}
