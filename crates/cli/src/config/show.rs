//! The values of settings and their origins, as a table or as JSON lines.

use std::ffi::OsString;
use std::io;

use anstyle::Style;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use serde::Serialize;

use super::catalog::{OptionEntry, options, programs, settings};
use crate::jobconf::{explain, sources, with_sources};
use crate::sources::{Origin, Sources};
use crate::{Column, Screen, table, write_line};
use heartline_core::text;

const COLUMNS: [Column; 3] = [("SETTING", false), ("VALUE", false), ("ORIGIN", false)];

/// An option, its value and where that comes from.
#[derive(Clone, Debug)]
pub(super) struct ShownSetting {
    entry: OptionEntry,
    /// `None` if there is none, or if a default depends on something.
    value: Option<String>,
    origin: Origin,
}

#[derive(Serialize)]
struct SettingLine<'a> {
    key: Option<String>,
    option: &'a str,
    value: Option<&'a str>,
    origin: &'static str,
    variable: Option<&'a str>,
    file: Option<String>,
    line: Option<usize>,
}

/// The settings of all programs. Ends the process with status 2 on a value that is of no use.
pub(super) fn of_all(tree: &Command) -> Vec<ShownSetting> {
    let sources = sources(&mut tree.clone());
    for (_, program) in programs(tree) {
        // Each program has its own rules for values.
        parsed(program, Vec::new(), &sources);
    }
    let settings = settings(tree).into_iter();
    settings.map(|entry| shown(entry, None, &sources)).collect()
}

/// All options of one program. Ends the process with status 2 on a value that is of no use.
pub(super) fn of_program(program: &Command, words: Vec<OsString>) -> Vec<ShownSetting> {
    let sources = sources(&mut program.clone());
    let matches = parsed(program, words, &sources);
    let options = options(program).into_iter();
    options
        .map(|entry| shown(entry, Some(&matches), &sources))
        .collect()
}

/// Parses the words as options of the program, which need not be complete.
fn parsed(program: &Command, words: Vec<OsString>, sources: &Sources) -> ArgMatches {
    let name = program.get_name().to_owned();
    let program = program
        .clone()
        .mut_args(|argument| argument.required(false));
    let mut program = with_sources(program, sources).no_binary_name(true);
    program.set_bin_name(name);
    match program.try_get_matches_from_mut(words) {
        Ok(matches) => matches,
        Err(error) => explain(error, &program, sources).exit(),
    }
}

fn shown(entry: OptionEntry, matches: Option<&ArgMatches>, sources: &Sources) -> ShownSetting {
    let given = matches.and_then(|matches| {
        let source = matches.value_source(&entry.id)?;
        (source == ValueSource::CommandLine).then(|| raw(matches, &entry.id))
    });
    if let Some(value) = given {
        return ShownSetting {
            entry,
            value: Some(value),
            origin: Origin::CommandLine,
        };
    }
    let found = entry
        .variable
        .as_deref()
        .and_then(|name| sources.find(name));
    let (value, origin) = match found {
        Some((value, origin)) => (Some(value.to_string_lossy().into_owned()), origin),
        None => (entry.default.clone(), Origin::Default),
    };
    ShownSetting {
        entry,
        value,
        origin,
    }
}

/// The words of an option's values.
fn raw(matches: &ArgMatches, id: &str) -> String {
    let words = matches.get_raw(id).into_iter().flatten();
    let words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(",")
}

/// Writes a table, or a JSON line for each.
pub(super) fn write(shown: &[ShownSetting], json: bool) -> io::Result<()> {
    if json {
        let lines: Result<Vec<String>, _> =
            shown.iter().map(|one| text::json(&one.line())).collect();
        return write_line(&lines?.join("\n"));
    }
    let rows = shown.iter().map(|one| (one.style(), one.row()));
    Screen::new(false).show(&table(&COLUMNS, rows.collect()))
}

impl ShownSetting {
    /// What differs from the defaults stands out.
    fn style(&self) -> Style {
        match self.origin {
            Origin::Default => Style::new(),
            _ => Style::new().bold(),
        }
    }

    fn row(&self) -> Vec<String> {
        let name = self
            .entry
            .key()
            .unwrap_or_else(|| self.entry.option.clone());
        let value = self.value.clone().unwrap_or_else(|| "-".to_owned());
        vec![name, value, self.origin.to_string()]
    }

    fn line(&self) -> SettingLine<'_> {
        let (file, line) = match &self.origin {
            Origin::File { path, line } => (Some(path.display().to_string()), Some(*line)),
            _ => (None, None),
        };
        SettingLine {
            key: self.entry.key(),
            option: &self.entry.option,
            value: self.value.as_deref(),
            origin: match self.origin {
                Origin::CommandLine => "option",
                Origin::Variable(_) => "variable",
                Origin::Property(_) => "property",
                Origin::File { .. } => "file",
                Origin::Default => "default",
            },
            variable: self.entry.variable.as_deref(),
            file,
            line,
        }
    }
}
