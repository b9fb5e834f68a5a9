//! The programs of the word count, its set-up and its watchers. Each is a small program of its own, for nodes, and `heartline` is
//! each of them too: by the name that it is called by, as busybox is, or by its first argument.

mod setup_zookeeper;
mod watch_master;
mod watch_slave;
mod wc_mapper;
mod wc_reducer;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};

use crate::cli::parse;
pub use setup_zookeeper::SetupZookeeperArgs;
pub use watch_master::WatchMasterArgs;
pub use watch_slave::WatchSlaveArgs;
pub use wc_mapper::WcMapperArgs;
pub use wc_reducer::WcReducerArgs;

/// A program's `main`.
pub type ProgramMain = fn() -> ExitCode;

/// A program's name, its `main` and its arguments.
type ProgramEntry = (&'static str, ProgramMain, fn() -> Command);

/// All programs.
const PROGRAMS: [ProgramEntry; 5] = [
    (
        "setup-zookeeper",
        || parse::<SetupZookeeperArgs>().run(),
        SetupZookeeperArgs::command,
    ),
    (
        "watch-master",
        || parse::<WatchMasterArgs>().run(),
        WatchMasterArgs::command,
    ),
    (
        "watch-slave",
        || parse::<WatchSlaveArgs>().run(),
        WatchSlaveArgs::command,
    ),
    (
        "wc-mapper",
        || parse::<WcMapperArgs>().run(),
        WcMapperArgs::command,
    ),
    (
        "wc-reducer",
        || parse::<WcReducerArgs>().run(),
        WcReducerArgs::command,
    ),
];

/// The program that `called` names: the path by which this process was started, its first argument.
pub fn called_by(called: &OsStr) -> Option<ProgramMain> {
    let name = Path::new(called).file_name()?;
    let found = PROGRAMS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, main, _)| *main)
}

/// Each program's name and arguments.
pub fn commands() -> impl Iterator<Item = (&'static str, Command)> {
    PROGRAMS.iter().map(|(name, _, command)| (*name, command()))
}

/// The arguments of the program with this name.
pub fn command_of(name: &str) -> Option<Command> {
    let found = PROGRAMS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, _, command)| command())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_path_names_the_program() {
        let is = |called: &str| called_by(OsStr::new(called)).is_some();
        assert!(is("wc-mapper"));
        assert!(is("/opt/bin/watch-slave"));
        assert!(!is("/opt/wc-mapper/heartline"));
        assert!(!is("wc-mapper.old"));
        assert!(!is(""));
    }
}
