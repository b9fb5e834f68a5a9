//! The settings file, beside options, variables and properties of the job.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::{Parts, SOON, sources};

const MAPPER: &str = env!("CARGO_BIN_EXE_wc-mapper");

fn file(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("heartline.toml");
    fs::write(&path, text).expect("a folder");
    path
}

/// Runs `wc-mapper` with one word as its input.
fn run(variables: &[(&str, &str)], options: &[&str]) -> Output {
    let mut mapper = assert_cmd::Command::new(MAPPER);
    mapper.envs(variables.iter().copied()).args(options);
    let mapper = mapper.write_stdin("one\n").timeout(SOON);
    mapper.output().expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Which ZooKeeper it looked for, according to its complaint.
fn looked_for(variables: &[(&str, &str)], options: &[&str]) -> String {
    let output = run(variables, options);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stdout, b"one\t1\n");
    stderr(&output)
}

#[test]
fn the_file_comes_after_option_variable_and_property() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "zookeeper = \"127.0.0.1:1\"\n");
    let config = ("HEARTLINE_CONFIG", path.to_str().expect("a path"));
    let property = ("heartline_zookeeper", "127.0.0.1:2");
    let variable = ("HEARTLINE_ZOOKEEPER", "127.0.0.1:3");
    let option = ["--zookeeper", "127.0.0.1:4"];
    for (expected, said) in [
        ("127.0.0.1:1", looked_for(&[config], &[])),
        ("127.0.0.1:2", looked_for(&[config, property], &[])),
        (
            "127.0.0.1:3",
            looked_for(&[config, property, variable], &[]),
        ),
        (
            "127.0.0.1:4",
            looked_for(&[config, property, variable], &option),
        ),
        (
            "127.0.0.1:1",
            looked_for(&[("heartline_config", config.1)], &[]),
        ),
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn a_file_that_is_of_no_use_is_an_error_of_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "zookeper = \"zk1\"\n");
    let path = path.to_str().expect("a path");
    let refused = |says: &str| {
        let output = run(&[("HEARTLINE_CONFIG", path)], &[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    };
    refused("'zookeper' is no setting");
    fs::set_permissions(path, Permissions::from_mode(0o666)).expect("its owner");
    refused("it names programs to run and files to trust");
    fs::remove_file(path).expect("its owner");
    refused("cannot be read: ");
    let path = file(folder.path(), "interval = \"soon\"\n");
    let output = run(&[("HEARTLINE_CONFIG", path.to_str().expect("a path"))], &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        stderr(&output).contains("--interval"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn every_option_with_a_variable_is_a_setting() {
    let mut variables = BTreeSet::new();
    let root = Parts::root();
    let files = ["crates", "src"].map(|folder| sources(&root.join(folder)));
    for path in files.into_iter().flatten() {
        let text = fs::read_to_string(path).expect("a source file");
        for rest in text.split("env = \"HEARTLINE_").skip(1) {
            let name = rest.split('"').next().unwrap_or_default();
            variables.insert(name.to_ascii_lowercase().replace('_', "-"));
        }
    }
    let list = include_str!("../../crates/cli/src/settings_file.rs");
    let list = list
        .split("const SETTINGS")
        .nth(1)
        .and_then(|rest| rest.split("];").next());
    let list = list.expect("a list").split('"').skip(1).step_by(2);
    let settings: BTreeSet<String> = list.map(ToOwned::to_owned).collect();
    assert_eq!(settings, variables);
    assert!(settings.len() > 30);
}
