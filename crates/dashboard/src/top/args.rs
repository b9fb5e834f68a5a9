//! `heartline top`: the options, and the start.

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::listing::{TopSort, Wish};
use super::palette::Palette;
use super::run::{TopOptions, run};
use super::state::TopState;
use heartline_cli::{self as cli, ZooKeeperOptions, duration};
use heartline_process::say::say;

const PROGRAM: &str = "heartline top";
/// The exit status of wrong usage.
const USAGE: u8 = 2;

/// Show a job live in this terminal: its members with the last minute of each, events, stacks of stalls
///
/// Keys are those of htop; h lists them. K asks the master to end a member, all else only reads. Without a terminal, use
/// heartline status.
#[derive(Args, Clone, Debug)]
pub struct TopArgs {
    /// Time between two readings of all members; longer where a reading takes long
    #[arg(long, value_name = "DURATION", default_value = "250ms", value_parser = duration)]
    every: Duration,

    /// Order of the members
    #[arg(long, value_name = "ORDER", value_enum, default_value_t)]
    sort: TopSort,

    /// Show only members that match: several words must all match, a word with - before it must not
    #[arg(
        long,
        value_name = "WORDS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    filter: String,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

impl TopArgs {
    /// Shows the job until it is quit. The exit status is 0 after the key for that, 128 and the signal's number after a
    /// signal, 1 if the terminal fails, 2 if there is none.
    pub fn run(&self) -> ExitCode {
        if let Err(why) = check(io::stdout().is_terminal(), env::var("TERM").ok().as_deref()) {
            say(
                PROGRAM,
                format!("{why}; heartline status shows the same as text"),
            );
            return ExitCode::from(USAGE);
        }
        let settings = self.zookeeper.settings();
        let whole = settings.namespace.below(settings.address.chroot());
        let namespace = match whole.to_string() {
            root if root.is_empty() => "/".to_owned(),
            path => path,
        };
        let wish = Wish {
            sort: self.sort,
            is_inverted: false,
            filter: self.filter.clone(),
        };
        let options = TopOptions {
            settings,
            every: self.every,
            palette: Palette {
                is_coloured: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            },
        };
        cli::run(
            PROGRAM,
            run(TopState::new(namespace, self.every, wish), options),
        )
    }
}

/// Whether a picture can be shown; the error says why not.
fn check(is_terminal: bool, kind: Option<&str>) -> Result<(), String> {
    if !is_terminal {
        return Err("stdout is not a terminal".to_owned());
    }
    if kind == Some("dumb") {
        return Err("the terminal cannot place text (TERM=dumb)".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_picture_needs_a_terminal_that_can_place_text() {
        assert!(check(true, Some("xterm")).is_ok() && check(true, None).is_ok());
        assert!(check(false, Some("xterm")).is_err_and(|why| why.contains("not a terminal")));
        assert!(check(true, Some("dumb")).is_err());
    }
}
