//! This machine: the permission for real-time priority, descriptors, disks, and the shell's PATH.

use std::env;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use super::kernel::{capabilities, has_capability};

/// `CAP_SYS_NICE` of capabilities(7).
const SYS_NICE: u32 = 23;

/// Descriptors of a master beside one connection for each follower.
const DESCRIPTORS_BESIDE: u64 = 64;
/// Enough for the master of a job of some thousand members.
const USUAL_DESCRIPTORS: u64 = 4096;

/// Less free space than this is soon full, and less than that is full already; in bytes.
const LITTLE_SPACE: u64 = 256 << 20;
const NO_SPACE: u64 = 8 << 20;

/// The check of the folder for Hadoop's logs, which Hadoop creates.
const HADOOP_LOGS: &str = "disk HADOOP_LOG_DIR";

/// The checks that read nothing slow.
pub(super) fn findings(mappers: Option<u32>) -> Vec<Finding> {
    let nice = capabilities().is_some_and(|set| has_capability(set, SYS_NICE));
    let priority = getrlimit(Resource::Rtprio).current;
    let descriptors = getrlimit(Resource::Nofile);
    vec![
        judge_priority(nice, priority),
        judge_descriptors(descriptors.current, mappers),
        judge_path(env::var("PATH").ok().as_deref(), &|path| path.is_file()),
    ]
}

/// `limit` is the highest real-time priority that the user may have; `None` for any.
fn judge_priority(may_anyway: bool, limit: Option<u64>) -> Finding {
    const CHECK: &str = "priority";
    if may_anyway || limit.is_none_or(|limit| limit > 0) {
        return Finding::ok(CHECK, "heartbeats may run at real-time priority");
    }
    Finding::warning(
        CHECK,
        "heartbeats get no real-time priority, and may be late on an overloaded host",
        "allow it by rtprio 1 in limits.conf or LimitRTPRIO=1, or give a longer --timeout",
    )
}

fn judge_descriptors(limit: Option<u64>, mappers: Option<u32>) -> Finding {
    const CHECK: &str = "descriptors";
    let Some(limit) = limit else {
        return Finding::ok(CHECK, "no limit on open files");
    };
    let found = format!("at most {limit} open files");
    // A master may hear all members of the job: those of one host are the least of them.
    let of_host = mappers.map_or(0, |mappers| u64::from(mappers) + DESCRIPTORS_BESIDE);
    let needed = of_host.max(USUAL_DESCRIPTORS);
    if limit >= needed {
        return Finding::ok(CHECK, found);
    }
    let found = match mappers {
        Some(mappers) if limit < of_host => {
            format!("{found}: as a master, a mapper could not hear one host's {mappers} directly")
        }
        _ => format!(
            "{found}: a master hears about {} members directly",
            limit.saturating_sub(DESCRIPTORS_BESIDE)
        ),
    };
    Finding::warning(
        CHECK,
        found,
        format!(
            "raise it to {needed} by ulimit -n or LimitNOFILE; other members beat through ZooKeeper"
        ),
    )
}

fn judge_path(path: Option<&str>, is_file: &dyn Fn(&Path) -> bool) -> Finding {
    const CHECK: &str = "PATH";
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        let advice = "export PATH=/usr/local/bin:/usr/bin:/bin";
        return Finding::error(CHECK, "is empty: neither sh nor java is found", advice);
    };
    let folders: Vec<&Path> = path.split(':').map(Path::new).collect();
    if !folders.iter().any(|folder| is_file(&folder.join("sh"))) {
        let advice = "add /usr/bin and /bin: Hadoop and commit commands start a shell";
        return Finding::error(CHECK, "has no sh", advice);
    }
    if let Some(relative) = folders.iter().find(|folder| !folder.is_absolute()) {
        return Finding::warning(
            CHECK,
            format!(
                "has '{}', which is another folder in each task",
                relative.display()
            ),
            "name folders from / on",
        );
    }
    Finding::ok(CHECK, format!("{} folders, with sh", folders.len()))
}

/// The disks of the working folder, of temporary files, and of Hadoop's logs.
pub(super) fn disks() -> Vec<Finding> {
    let mut places = vec![
        (
            "disk .",
            env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        ),
        ("disk TMPDIR", env::temp_dir()),
    ];
    if let Some(logs) = env::var_os("HADOOP_LOG_DIR") {
        places.push((HADOOP_LOGS, logs.into()));
    }
    let judged = places.iter().map(|(check, path)| match statvfs(path) {
        // Such a file system has no size of its own.
        Ok(about) if about.f_blocks == 0 => {
            Finding::ok(*check, format!("{} does not tell its size", path.display()))
        }
        Ok(about) => {
            let free = about.f_bavail.saturating_mul(about.f_frsize);
            judge_space(check, path, Ok(free))
        }
        Err(error) => judge_space(check, path, Err(error)),
    });
    judged.collect()
}

fn judge_space(check: &str, path: &Path, free: Result<u64, Errno>) -> Finding {
    let shown = path.display();
    match free {
        Err(Errno::NOENT) if check == HADOOP_LOGS => Finding::warning(
            check,
            format!("{shown} does not exist"),
            "create it if Hadoop does not, or export another HADOOP_LOG_DIR",
        ),
        Err(why) => Finding::error(
            check,
            format!("{shown} cannot be used: {why}"),
            "create it, or name another folder",
        ),
        Ok(free) if free < NO_SPACE => Finding::error(
            check,
            format!("{shown} is full"),
            "remove files, or name another folder",
        ),
        Ok(free) if free < LITTLE_SPACE => Finding::warning(
            check,
            format!("{shown} has {} left", bytesize::ByteSize(free)),
            "remove files, or name another folder",
        ),
        Ok(free) => Finding::ok(
            check,
            format!("{shown} has {} left", bytesize::ByteSize(free)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn priority_needs_a_capability_or_a_limit() {
        assert_eq!(judge_priority(true, Some(0)).level, Level::Ok);
        assert_eq!(judge_priority(false, Some(1)).level, Level::Ok);
        assert_eq!(judge_priority(false, None).level, Level::Ok);
        assert_eq!(judge_priority(false, Some(0)).level, Level::Warning);
    }

    #[test]
    fn a_master_needs_a_descriptor_for_each_follower() {
        let level = |limit, mappers| judge_descriptors(limit, mappers).level;
        assert_eq!(level(Some(8192), Some(8128)), Level::Ok);
        assert_eq!(level(Some(8192), Some(8129)), Level::Warning);
        assert_eq!(level(Some(4096), None), Level::Ok);
        assert_eq!(level(Some(1024), Some(8)), Level::Warning);
        assert_eq!(level(Some(256), None), Level::Warning);
        assert_eq!(level(None, Some(100_000)), Level::Ok);
    }

    #[test]
    fn a_path_has_a_shell_and_no_relative_folder() {
        let is_file = |path: &Path| path == Path::new("/bin/sh");
        let level = |path| judge_path(path, &is_file).level;
        assert_eq!(level(Some("/usr/bin:/bin")), Level::Ok);
        assert_eq!(level(Some("/bin:.")), Level::Warning);
        assert_eq!(level(Some("/bin:")), Level::Warning);
        assert_eq!(level(Some("/opt")), Level::Error);
        assert_eq!(level(Some("")), Level::Error);
        assert_eq!(level(None), Level::Error);
    }

    #[test]
    fn a_full_disk_breaks_the_job() {
        let level = |free| judge_space("disk", Path::new("/d"), free).level;
        assert_eq!(level(Ok(1 << 30)), Level::Ok);
        assert_eq!(level(Ok(100 << 20)), Level::Warning);
        assert_eq!(level(Ok(1 << 20)), Level::Error);
        assert_eq!(level(Err(Errno::NOENT)), Level::Error);
        let logs = judge_space(HADOOP_LOGS, Path::new("/d"), Err(Errno::NOENT));
        assert_eq!(logs.level, Level::Warning);
    }
}
