//! Settings from a Hadoop job's configuration, and from the settings file.
//!
//! Streaming exports every property of a job to the task's environment, with an underscore in place of every
//! character that is not a letter or digit: `-D heartline.zookeeper=zk1` arrives as `heartline_zookeeper`. So
//! each option that has an environment variable can also be set by that variable's lower-case form. An option
//! on the command line wins, then the variable, then the job's configuration, then the settings file.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::exit;

use clap::builder::{OsStr, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Parser};

use super::sources::Sources;
use heartline_process::say::say;
use heartline_process::stdio;
use heartline_streaming::die_of_broken_pipe;

/// Parses the command line of this process. Ends the process on `--help`, on `--version` and, with status 2,
/// on usage errors.
pub fn parse<T: Parser>() -> T {
    let sources = sources(&mut T::command());
    let mut command = with_sources(T::command(), &sources);
    let program = command.get_name().to_owned();
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let mut matches =
        matches.unwrap_or_else(|error| show(&program, &explain(error, &command, &sources)));
    T::from_arg_matches_mut(&mut matches)
        .unwrap_or_else(|error| error.format(&mut T::command()).exit())
}

/// The sources of this process. Ends it with status 2 if the settings file is of no use.
pub(super) fn sources(command: &mut Command) -> Sources {
    Sources::of_process().unwrap_or_else(|why| command.error(ErrorKind::Io, why).exit())
}

/// The command with values of the sources as defaults.
pub(super) fn with_sources(command: Command, sources: &Sources) -> Command {
    with_defaults(command, |name| {
        sources.below_variable(name).map(|(value, _)| value)
    })
}

/// Adds to the error where the wrong value comes from, if it is not on the command line.
pub(super) fn explain(mut error: clap::Error, command: &Command, sources: &Sources) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    if let (Some(option), Some(wrong)) = (
        text(ContextKind::InvalidArg),
        text(ContextKind::InvalidValue),
    ) && let Some(variable) = variable_of(command, &option)
        && let Some((value, origin)) = sources.find(&variable)
        && value.to_string_lossy() == wrong
    {
        let tip = StyledStr::from(format!("the value comes from {origin}"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// The variable of an option that an error calls `--interval <DURATION>`.
fn variable_of(command: &Command, option: &str) -> Option<String> {
    // Only an argument of a command that has been built can be shown, and parsing builds no other subcommand.
    let mut command = command.clone();
    command.build();
    variable_below(&command, option)
}

fn variable_below(command: &Command, option: &str) -> Option<String> {
    let mut arguments = command.get_arguments();
    let found = arguments.find(|one| one.get_env().is_some() && one.to_string() == option);
    let found = found.and_then(|one| Some(one.get_env()?.to_str()?.to_owned()));
    let mut below = command.get_subcommands();
    found.or_else(|| below.find_map(|command| variable_below(command, option)))
}

/// Prints the output of `--help` or `--version`, or the usage error; ends the process.
fn show(program: &str, error: &clap::Error) -> ! {
    if error.use_stderr() {
        error.exit();
    }
    let text = error.render();
    let text = match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => text.to_string(),
        _ => text.ansi().to_string(),
    };
    match stdio::out().write_all(text.as_bytes()) {
        Ok(()) => exit(0),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            die_of_broken_pipe();
            exit(141)
        }
        Err(error) => {
            say(program, error);
            exit(1)
        }
    }
}

/// Gives each option that has a variable the default that `lookup` finds for the variable.
fn with_defaults(command: Command, lookup: impl Fn(&str) -> Option<OsString> + Copy) -> Command {
    // The tools of `heartline` have their options on the subcommands.
    let command = command.mut_subcommands(|subcommand| with_defaults(subcommand, lookup));
    command.mut_args(|argument| {
        let property = argument
            .get_env()
            .and_then(std::ffi::OsStr::to_str)
            .and_then(lookup);
        match property {
            Some(value) => argument.default_value(OsStr::from(value)),
            None => argument,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::MemberOptions;

    #[derive(Debug, Parser)]
    struct Options {
        #[command(flatten)]
        member: MemberOptions,
    }

    fn parse_with(arguments: &[&str], property: (&str, &str)) -> Options {
        let command = with_defaults(Options::command(), |name| {
            (name.to_ascii_lowercase() == property.0).then(|| property.1.into())
        });
        let arguments = std::iter::once("program").chain(arguments.iter().copied());
        Options::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
    }

    #[test]
    fn a_property_of_the_job_is_a_default() {
        let options = parse_with(&[], ("heartline_interval", "8ms"));
        assert_eq!(options.member.beat.interval.as_millis(), 8);
        let options = parse_with(&["--interval", "9ms"], ("heartline_interval", "8ms"));
        assert_eq!(options.member.beat.interval.as_millis(), 9);
    }

    #[test]
    fn a_property_reaches_a_tools_options() {
        let tools = clap::Command::new("tools").subcommand(Options::command().name("tool"));
        let tools = with_defaults(tools, |name| {
            (name == "HEARTLINE_INTERVAL").then(|| "8ms".into())
        });
        let matches = tools.get_matches_from(["tools", "tool"]);
        let (_, matches) = matches.subcommand().unwrap();
        let options = Options::from_arg_matches(matches).unwrap();
        assert_eq!(options.member.beat.interval.as_millis(), 8);
    }

    #[test]
    fn switches_can_be_properties_too() {
        assert!(
            parse_with(&[], ("heartline_no_heartbeat", "true"))
                .member
                .no_heartbeat
        );
        assert!(
            parse_with(&[], ("heartline_no_heartbeat", "1"))
                .member
                .no_heartbeat
        );
        assert!(
            !parse_with(&[], ("heartline_no_heartbeat", "false"))
                .member
                .no_heartbeat
        );
        assert!(
            !parse_with(&[], ("heartline_other", "true"))
                .member
                .no_heartbeat
        );
    }
}
