//! What the kernel lets a program see of others: `/proc` with `hidepid`, seccomp, and `ptrace_scope`. Snapshots of stalled
//! commands need them.

use std::fs;

use super::finding::Finding;

/// `CAP_SYS_PTRACE` of capabilities(7).
const SYS_PTRACE: u32 = 19;

/// The value of a filter in `Seccomp:` of `/proc/self/status`.
const FILTER: u32 = 2;

/// The effective capabilities of this process; `None` if `/proc` does not tell.
pub(super) fn capabilities() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    u64::from_str_radix(field(&status, "CapEff")?, 16).ok()
}

/// Whether the set has the capability with this number.
pub(super) fn has_capability(set: u64, number: u32) -> bool {
    set.checked_shr(number).is_some_and(|rest| rest & 1 == 1)
}

/// Reads what the kernel tells, and judges it.
pub(super) fn findings() -> Vec<Finding> {
    let Ok(status) = fs::read_to_string("/proc/self/status") else {
        return vec![Finding::error(
            "/proc",
            "is not there: stalls cannot be told from waits",
            "mount -t proc proc /proc",
        )];
    };
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let traces = capabilities().is_some_and(|set| has_capability(set, SYS_PTRACE));
    let seccomp = field(&status, "Seccomp").and_then(|text| text.parse().ok());
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok();
    let scope = scope.and_then(|text| text.trim().parse().ok());
    let mount = proc_mount(&mounts);
    // The group root is that of mounts without gid=, and counts too.
    let is_of_group = is_of_group(&status, mount.gid.unwrap_or(0));
    vec![
        judge_hidepid(&mount, is_of_group, traces),
        judge_seccomp(seccomp),
        judge_scope(scope, traces),
    ]
}

/// A value of `/proc/self/status`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = status.lines();
    lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

/// The options of the last mount on `/proc` that hide processes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ProcMount {
    /// `hidepid` by its number or its name; `0` without.
    hidepid: String,
    /// The group that sees all processes.
    gid: Option<u32>,
}

fn proc_mount(mountinfo: &str) -> ProcMount {
    let mut on_proc = mountinfo.lines().filter(|line| {
        let mut words = line.split(' ');
        words.nth(4) == Some("/proc")
    });
    let options = on_proc
        .next_back()
        .and_then(|line| line.split(' ').next_back());
    let options = options.unwrap_or_default();
    let value = |name: &str| {
        let mut options = options.split(',');
        options.find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    };
    ProcMount {
        hidepid: value("hidepid").unwrap_or("0").to_owned(),
        gid: value("gid").and_then(|number| number.parse().ok()),
    }
}

/// Whether this process is of the group, by `Gid` and `Groups` of `/proc/self/status`.
fn is_of_group(status: &str, group: u32) -> bool {
    let lists = ["Gid", "Groups"].map(|name| field(status, name).unwrap_or_default());
    let mut numbers = lists.iter().flat_map(|list| list.split_whitespace());
    numbers.any(|number| number.parse() == Ok(group))
}

fn judge_hidepid(mount: &ProcMount, is_of_group: bool, traces: bool) -> Finding {
    const CHECK: &str = "/proc";
    if matches!(mount.hidepid.as_str(), "0" | "off") {
        return Finding::ok(CHECK, "shows all processes");
    }
    let found = format!("is mounted with hidepid={}", mount.hidepid);
    // `ptraceable` (4) hides them from the group too.
    let sees = is_of_group && !matches!(mount.hidepid.as_str(), "4" | "ptraceable");
    if traces || sees {
        return Finding::ok(
            CHECK,
            format!("{found}, which hides nothing from this user"),
        );
    }
    Finding::warning(
        CHECK,
        format!("{found}: commands that change their user cannot be watched for stalls"),
        "mount it with gid= of a group of this user, or do not use sudo in a task",
    )
}

fn judge_seccomp(mode: Option<u32>) -> Finding {
    const CHECK: &str = "seccomp";
    match mode {
        Some(FILTER) => Finding::warning(
            CHECK,
            "a filter of system calls is on, as in a container: debuggers may be refused",
            "allow ptrace in its profile for the stacks of stalled commands (--stacks)",
        ),
        _ => Finding::ok(CHECK, "no filter of system calls"),
    }
}

/// `scope` is that of Yama; `None` where the kernel has none.
fn judge_scope(scope: Option<u32>, traces: bool) -> Finding {
    const CHECK: &str = "ptrace_scope";
    let found = match scope {
        None | Some(0) => {
            return Finding::ok(CHECK, "debuggers may look at commands of the same user");
        }
        Some(scope) => format!("kernel.yama.ptrace_scope is {scope}"),
    };
    if traces && scope < Some(3) {
        return Finding::ok(CHECK, format!("{found}, and this user may trace anyway"));
    }
    Finding::warning(
        CHECK,
        format!("{found}: snapshots of stalls have no stacks (--stacks)"),
        "sysctl kernel.yama.ptrace_scope=0",
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    const MOUNTS: &str = "\
23 28 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
24 28 0:23 / /sys rw,nosuid - sysfs sysfs rw
90 23 0:50 / /proc rw,relatime - proc proc rw,gid=4,hidepid=invisible
";

    fn hidden(hidepid: &str, gid: Option<u32>) -> ProcMount {
        let hidepid = hidepid.to_owned();
        ProcMount { hidepid, gid }
    }

    #[test]
    fn the_last_mount_on_proc_counts() {
        assert_eq!(proc_mount(MOUNTS), hidden("invisible", Some(4)));
        let first = MOUNTS.lines().next().unwrap();
        assert_eq!(proc_mount(first), hidden("0", None));
        assert_eq!(proc_mount(""), hidden("0", None));
    }

    #[test]
    fn hidden_processes_matter_to_who_may_not_trace() {
        let level = |hidepid, group, traces| {
            let mount = hidden(hidepid, None);
            judge_hidepid(&mount, group, traces).level
        };
        assert_eq!(level("0", false, false), Level::Ok);
        assert_eq!(level("invisible", false, false), Level::Warning);
        assert_eq!(level("2", false, true), Level::Ok);
        assert_eq!(level("2", true, false), Level::Ok);
        assert_eq!(level("ptraceable", true, false), Level::Warning);
    }

    #[test]
    fn a_process_has_several_groups() {
        let status = "Uid:\t1\t1\t1\t1\nGid:\t5\t5\t5\t5\nGroups:\t4 27 \n";
        assert!(is_of_group(status, 4) && is_of_group(status, 5));
        assert!(!is_of_group(status, 1) && !is_of_group(status, 2));
    }

    #[test]
    fn debuggers_need_the_scope_or_a_capability() {
        assert_eq!(judge_scope(None, false).level, Level::Ok);
        assert_eq!(judge_scope(Some(0), false).level, Level::Ok);
        assert_eq!(judge_scope(Some(1), false).level, Level::Warning);
        assert_eq!(judge_scope(Some(2), true).level, Level::Ok);
        assert_eq!(judge_scope(Some(3), true).level, Level::Warning);
    }

    #[test]
    fn a_filter_of_system_calls_is_told() {
        assert_eq!(judge_seccomp(Some(2)).level, Level::Warning);
        assert_eq!(judge_seccomp(Some(0)).level, Level::Ok);
        let status = "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        assert_eq!(field(status, "Seccomp"), Some("2"));
    }

    #[test]
    fn a_capability_is_a_bit() {
        assert!(has_capability(0x80_0000, 23));
        assert!(!has_capability(0x80_0000, 19));
    }
}
