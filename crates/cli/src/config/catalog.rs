//! The settings of a command tree: its options, each with its variable, its default and the programs that have it.

use clap::{Arg, ArgAction, Command};

use crate::settings_file::key;

/// How many programs are named in a message.
const MOST_NAMED: usize = 40;

/// One option, of one program or of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OptionEntry {
    /// `--interval`.
    pub(super) option: String,
    /// `HEARTLINE_INTERVAL`, if it has a variable.
    pub(super) variable: Option<String>,
    /// What stands for its value, as `DURATION`; `None` for a switch.
    pub(super) value_name: Option<String>,
    /// The only values that it takes, if there are few.
    pub(super) values: Vec<String>,
    /// The default, unless it depends on something.
    pub(super) default: Option<String>,
    /// The whole help.
    pub(super) help: String,
    /// The heading of its section in `--help`.
    pub(super) heading: String,
    /// The programs that have it, as `run` or `nodes agent`.
    pub(super) programs: Vec<String>,
    /// The name of its value for clap.
    pub(super) id: String,
}

impl OptionEntry {
    /// The key in the settings file.
    pub(super) fn key(&self) -> Option<String> {
        key(self.variable.as_deref()?)
    }

    pub(super) fn is_switch(&self) -> bool {
        self.value_name.is_none()
    }
}

/// All options with a variable, of all programs, in the order of their headings and programs.
pub(super) fn settings(tree: &Command) -> Vec<OptionEntry> {
    let mut settings: Vec<OptionEntry> = Vec::new();
    for (name, program) in programs(tree) {
        for entry in options(program) {
            let same = |known: &&mut OptionEntry| known.variable == entry.variable;
            match settings.iter_mut().find(same) {
                _ if entry.variable.is_none() => {}
                Some(known) => {
                    known.programs.push(name.clone());
                    // A program that lets it be given several times has no default of its own.
                    known.default = known.default.take().or(entry.default);
                }
                None => settings.push(OptionEntry {
                    programs: vec![name.clone()],
                    ..entry
                }),
            }
        }
    }
    let mut headings: Vec<String> = Vec::new();
    for entry in &settings {
        if !headings.contains(&entry.heading) {
            headings.push(entry.heading.clone());
        }
    }
    settings.sort_by_key(|entry| headings.iter().position(|known| *known == entry.heading));
    settings
}

/// The options of one program.
pub(super) fn options(program: &Command) -> Vec<OptionEntry> {
    program.get_arguments().filter_map(entry).collect()
}

/// The programs that do something, each with its name: `run`, `nodes agent`. Internal ones are left out.
pub(super) fn programs(tree: &Command) -> Vec<(String, &Command)> {
    let mut all = Vec::new();
    for command in tree
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        let name = command.get_name();
        if !command.has_subcommands() {
            all.push((name.to_owned(), command));
            continue;
        }
        let below = programs(command).into_iter();
        all.extend(below.map(|(last, command)| (format!("{name} {last}"), command)));
    }
    all
}

/// The program with this name, one word for each level.
///
/// # Errors
/// Which names there are.
pub(super) fn program<'a>(tree: &'a Command, name: &[String]) -> Result<&'a Command, String> {
    // The program that the shell runs may be written as well.
    let name = match name {
        [first, rest @ ..] if first == tree.get_name() && !rest.is_empty() => rest,
        name => name,
    };
    let name = name.join(" ");
    let all = programs(tree);
    if let Some((_, found)) = all.iter().find(|(known, _)| *known == name) {
        return Ok(found);
    }
    let known: Vec<&str> = all
        .iter()
        .map(|(known, _)| known.as_str())
        .take(MOST_NAMED)
        .collect();
    Err(format!(
        "'{name}' is no program of heartline; write one of: {}",
        known.join(", ")
    ))
}

fn entry(argument: &Arg) -> Option<OptionEntry> {
    let option = format!("--{}", argument.get_long()?);
    let is_switch = matches!(
        argument.get_action(),
        ArgAction::SetTrue | ArgAction::Count | ArgAction::Help | ArgAction::Version
    );
    let defaults = argument.get_default_values().iter();
    let defaults: Vec<String> = defaults
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    let default = match (is_switch, defaults.is_empty()) {
        (true, true) => Some("false".to_owned()),
        (false, true) => None,
        _ => Some(defaults.join(",")),
    };
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<&str> = names.iter().map(clap::builder::Str::as_str).collect();
    let help = argument.get_long_help().or(argument.get_help());
    Some(OptionEntry {
        option,
        variable: argument
            .get_env()
            .and_then(|name| Some(name.to_str()?.to_owned())),
        value_name: (!is_switch).then(|| names.join(" ")),
        values: if is_switch {
            Vec::new()
        } else {
            argument
                .get_possible_values()
                .iter()
                .map(|value| value.get_name().to_owned())
                .collect()
        },
        default,
        help: help.map(ToString::to_string).unwrap_or_default(),
        heading: argument.get_help_heading().unwrap_or("Options").to_owned(),
        programs: Vec::new(),
        id: argument.get_id().to_string(),
    })
}
