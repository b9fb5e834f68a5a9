//! `heartline config`: shows each setting's value and where it comes from, and prints a settings file with all defaults.
//! Both are made from the options of all programs, so that there is no second list.

mod catalog;
mod reference;
mod sample;
mod show;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Command, Subcommand};

pub use reference::ReferenceArgs;

use crate::{run, write_line};

const PROGRAM: &str = "heartline config";

const HELP: &str = "\
Examples:
  heartline config show
  heartline config show wc-mapper -- --interval 10ms
  heartline config show nodes agent --json
  heartline config default >heartline.toml

The command line wins, then the variable, then the property of the Hadoop job, then the settings file that
HEARTLINE_CONFIG names. Options for secrets name files; their contents are not read.

Exit status: 0; 2 if a value, or the settings file, is of no use.";

/// Show each setting's value and where it comes from, or print a settings file with all defaults
#[derive(Args, Debug)]
#[command(after_long_help = HELP)]
pub struct ConfigArgs {
    #[command(subcommand)]
    what: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show the value of each setting, and its origin: option, variable, property, file or default
    ///
    /// Without a program: the settings of all programs that have a variable. With one: all options of this program, as
    /// if it were started here with these options.
    Show(ShowArgs),
    /// Print a settings file with every setting, its meaning and its default, all commented out
    Default,
}

#[derive(Args, Debug)]
struct ShowArgs {
    /// Write one JSON object per line: key, option, value, origin, and where the origin is
    #[arg(long)]
    json: bool,

    /// Show the options of this program, as in wc-mapper or nodes agent
    #[arg(value_name = "PROGRAM")]
    program: Vec<String>,

    /// Options of the program, as they would be given to it
    #[arg(last = true, value_name = "OPTIONS", requires = "program")]
    options: Vec<OsString>,
}

impl ConfigArgs {
    /// Shows or prints what was asked for. `tree` is the command `heartline` with all programs as subcommands.
    pub fn run(self, mut tree: Command) -> ExitCode {
        let fail = |tree: &mut Command, why: String| -> ! {
            tree.error(ErrorKind::ValueValidation, why).exit()
        };
        match self.what {
            ConfigCommand::Default => run(PROGRAM, async {
                write_line(sample::text(&catalog::settings(&tree)).trim_end())?;
                Ok(())
            }),
            ConfigCommand::Show(show) => {
                let shown = if show.program.is_empty() {
                    show::of_all(&tree)
                } else {
                    match catalog::program(&tree, &show.program) {
                        Ok(program) => show::of_program(program, show.options),
                        Err(why) => fail(&mut tree, why),
                    }
                };
                run(PROGRAM, async { Ok(show::write(&shown, show.json)?) })
            }
        }
    }
}
