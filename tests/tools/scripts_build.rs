//! The output of the scripts while heartline is built; and a build ends with the script that began it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Guarded, Parts, SOON, wait_until};
use rustix::process::Signal;
use tempfile::TempDir;

/// `build_binaries` with a progress line each second, and a `cargo` of the test.
fn build(cargo: &str) -> (TempDir, Command) {
    let folder = TempDir::with_prefix("heartline-build-").expect("a temporary folder");
    let path = folder.path().join("cargo");
    fs::write(&path, format!("#!/bin/sh\n{cargo}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its owner");
    let lib = Parts::root().join("scripts/lib");
    let script = r#"for part in common prerequisites binaries; do . "$0/$part.sh"; done; BUILD_SIGN=1; build_binaries "$@""#;
    let mut command = Command::new("bash");
    command.args(["-euc", script]).arg(lib);
    let machine = std::env::var("PATH").expect("a PATH");
    command.env("PATH", format!("{}:{machine}", folder.path().display()));
    command.env("HEARTLINE_HOME_DIR", folder.path().join("home"));
    command.env_remove("HEARTLINE_BIN_DIR");
    (folder, command)
}

#[test]
fn a_build_shows_cargos_progress_and_signs_of_life() {
    // It runs until two progress lines have come.
    let (folder, mut command) = build(
        r#"echo "cargo $*" >&2; echo "   Compiling heartline" >&2
        for _ in $(seq 600); do
            [ "$(grep -c 'still building' "$SAID")" -lt 2 ] || exit 0
            sleep 0.1
        done
        exit 1"#,
    );
    let said = folder.path().join("said");
    let file = fs::File::create(&said).expect("made");
    let status = command
        .env("SAID", &said)
        .stderr(file)
        .stdin(Stdio::null())
        .status();
    let said = fs::read_to_string(&said).expect("there");
    assert!(status.expect("it runs").success(), "{said}");
    assert!(
        said.contains("cargo build --profile release --bins\n"),
        "{said}"
    );
    assert!(said.contains("Compiling heartline\n"), "{said}");
}

#[test]
fn only_some_programs_are_built_on_request() {
    let (_folder, mut command) = build(r#"echo "cargo $*" >&2"#);
    command.args(["--bins", "--no-default-features"]);
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("cargo build --profile release --bins --no-default-features\n"),
        "{said}"
    );
}

#[test]
fn a_failed_build_is_reported() {
    let (_folder, mut command) = build("echo 'error: no such thing' >&2; exit 101");
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("no such thing") && said.contains("cargo build failed"),
        "{said}"
    );
}

#[test]
fn a_build_ends_with_its_script() {
    let (folder, mut command) = build(r#"echo $$ >"$0.pid"; exec sleep 600"#);
    let pid = folder.path().join("cargo.pid");
    let script = Guarded::spawn(&mut command);
    let mut built = String::new();
    wait_until("cargo runs", SOON, || {
        built = fs::read_to_string(&pid).unwrap_or_default();
        built.ends_with('\n')
    });
    let cargo = format!("/proc/{}/exe", built.trim());
    script.signal(Signal::TERM);
    wait_until("cargo is gone", Duration::from_secs(60), || {
        fs::read_link(&cargo).is_err()
    });
}
