//! The units of systemd in `contrib/systemd`: systemd reads them, they close what the programs do not need, and their
//! commands are commands that the program takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{left_out, which};

/// The most that `systemd-analyze security` may find exposed, in tenths: it calls less than 30 "ok".
const EXPOSURE: &str = "--threshold=26";

fn contrib() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/systemd")
}

/// The names of all units.
fn units() -> Vec<String> {
    let files = fs::read_dir(contrib()).expect("a folder");
    let names = files.map(|file| file.expect("a file").file_name().into_string());
    let names = names.map(|name| name.expect("a plain name"));
    let mut units: Vec<String> = names.filter(|name| name.ends_with(".service")).collect();
    units.sort_unstable();
    assert_eq!(units.len(), 5, "{units:?}");
    units
}

/// A root in which the program and its units are installed beside the machine's own units.
fn installed() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for folder in ["usr/bin", "usr/lib/systemd", "etc/systemd/system"] {
        fs::create_dir_all(root.path().join(folder)).expect("a folder");
    }
    let own = "/usr/lib/systemd/system";
    let copied = Command::new("cp")
        .args(["-r", own])
        .arg(root.path().join("usr/lib/systemd"))
        .status();
    assert!(copied.expect("it runs").success());
    let program = root.path().join("usr/bin/heartline");
    fs::copy(env!("CARGO_BIN_EXE_heartline"), program).expect("copied");
    for unit in units() {
        let place = root.path().join("etc/systemd/system").join(&unit);
        fs::copy(contrib().join(&unit), place).expect("copied");
    }
    root
}

#[test]
fn systemd_reads_the_units_and_finds_little_exposed() {
    if which("systemd-analyze").is_none() {
        left_out::leave_out!("systemd-analyze is not installed");
    }
    let root = installed();
    let in_root = format!("--root={}", root.path().display());
    for unit in units() {
        let checks: [&[&str]; 2] = [
            &["verify", "--man=no"],
            &["security", "--offline=true", EXPOSURE],
        ];
        for check in checks {
            let mut analyze = Command::new("systemd-analyze");
            analyze.args(check).arg(&in_root).arg(&unit);
            let done = analyze.output().expect("it runs");
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{unit}: {done:?}");
            assert!(!said.contains(&unit), "{unit}: {said}");
        }
    }
}

#[test]
fn the_program_takes_the_commands_of_the_units() {
    for unit in units() {
        let text = fs::read_to_string(contrib().join(&unit)).expect("a unit");
        let command = text
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/heartline "))
            .unwrap_or_else(|| panic!("{unit} starts something else"));
        let mut program = Command::new(env!("CARGO_BIN_EXE_heartline"));
        // What is wrong before it would be told first.
        program.args(command.split(' ')).arg("--no-such-option");
        let done = program.output().expect("it runs");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{unit}: {said}");
        assert!(said.contains("'--no-such-option'"), "{unit}: {said}");
    }
}
