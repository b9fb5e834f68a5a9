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

use crate::cli::parse;
pub use setup_zookeeper::SetupZookeeperArgs;
pub use watch_master::WatchMasterArgs;
pub use watch_slave::WatchSlaveArgs;
pub use wc_mapper::WcMapperArgs;
pub use wc_reducer::WcReducerArgs;

/// A program's `main`.
pub type ProgramMain = fn() -> ExitCode;

/// The programs by their names.
const PROGRAMS: [(&str, ProgramMain); 5] = [
    ("setup-zookeeper", || parse::<SetupZookeeperArgs>().run()),
    ("watch-master", || parse::<WatchMasterArgs>().run()),
    ("watch-slave", || parse::<WatchSlaveArgs>().run()),
    ("wc-mapper", || parse::<WcMapperArgs>().run()),
    ("wc-reducer", || parse::<WcReducerArgs>().run()),
];

/// The program that `called` names: the path by which this process was started, its first argument.
pub fn called_by(called: &OsStr) -> Option<ProgramMain> {
    let name = Path::new(called).file_name()?;
    let found = PROGRAMS.iter().find(|(known, _)| *known == name);
    found.map(|(_, main)| *main)
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
