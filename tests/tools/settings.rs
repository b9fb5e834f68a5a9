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

/// Runs `heartline config` with these words, and without settings of the surrounding.
fn config(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut config = assert_cmd::Command::new(env!("CARGO_BIN_EXE_heartline"));
    config.arg("config").args(words);
    config.envs(variables.iter().copied());
    config.timeout(SOON).output().expect("it runs")
}

/// What `heartline config show --json` says of a key or an option.
fn shown(output: &Output, name: &str) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let found = lines.find(|line| line["key"] == name || line["option"] == name);
    found.unwrap_or_else(|| panic!("{name}: {text}"))
}

#[test]
fn each_value_is_shown_with_its_origin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(
        folder.path(),
        "# For all\nzookeeper = \"zk1\"\ninterval = \"7ms\"\n\nstacks = true\n",
    );
    let path = path.to_str().expect("a path");
    let variables = [
        ("HEARTLINE_CONFIG", path),
        ("HEARTLINE_TIMEOUT", "30ms"),
        ("heartline_grace", "9s"),
        // A variable comes before the file.
        ("HEARTLINE_INTERVAL", "6ms"),
    ];
    let words = [
        "show",
        "run",
        "--json",
        "--",
        "--session-timeout",
        "8s",
        "--no-heartbeat",
    ];
    let run = config(&words, &variables);
    for (name, value, origin) in [
        ("session-timeout", "8s", "option"),
        ("no-heartbeat", "true", "option"),
        ("timeout", "30ms", "variable"),
        ("interval", "6ms", "variable"),
        ("grace", "9s", "property"),
        ("zookeeper", "zk1", "file"),
        ("stacks", "true", "file"),
        ("beat-budget", "5000", "default"),
        ("keep-alive", "false", "default"),
    ] {
        let found = shown(&run, name);
        assert_eq!(
            (&found["value"], &found["origin"]),
            (&value.into(), &origin.into()),
            "{name}"
        );
    }
    let stacks = shown(&run, "stacks");
    assert_eq!(
        (stacks["file"].as_str(), stacks["line"].as_u64()),
        (Some(path), Some(5))
    );
    assert!(shown(&run, "name")["value"].is_null());

    // Without a program: what all programs have, without options.
    let all = config(&["show", "--json"], &variables);
    assert_eq!(shown(&all, "nodes-server")["value"], "127.0.0.1:50091");
    assert_eq!(shown(&all, "combine")["origin"], "default");
    let table = config(&["show"], &variables);
    let text = String::from_utf8_lossy(&table.stdout);
    let row = text.lines().find(|line| line.starts_with("stacks"));
    let words: Vec<&str> = row.expect("a row").split_whitespace().collect();
    assert_eq!(
        words,
        ["stacks", "true", "file", &format!("{path}:5")],
        "{text}"
    );
}

#[test]
fn a_wrong_value_is_told_with_its_origin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "stacks = true\ninterval = \"soon\"\n");
    let path = path.to_str().expect("a path");
    let origin = format!("the value comes from file {path}:2");
    let in_file = ("HEARTLINE_CONFIG", path);
    for output in [
        run(&[in_file], &[]),
        config(&["show"], &[in_file]),
        config(&["show", "wc-mapper"], &[in_file]),
    ] {
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains(&origin), "{}", stderr(&output));
    }
    let output = run(&[("heartline_detector", "none")], &[]);
    let origin = "the value comes from property heartline.detector";
    assert!(stderr(&output).contains(origin), "{}", stderr(&output));
    // The command line is seen by the one who writes it.
    let output = run(&[], &["--interval", "soon"]);
    assert!(
        !stderr(&output).contains("comes from"),
        "{}",
        stderr(&output)
    );

    let output = config(&["show", "nodes"], &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        stderr(&output).contains("nodes agent"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_sample_of_a_settings_file_is_the_one_that_heartline_prints() {
    let output = config(&["default"], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let committed = Parts::root().join("contrib/heartline.toml");
    let committed = fs::read_to_string(committed).unwrap_or_default();
    assert!(
        printed == committed,
        "run heartline config default >contrib/heartline.toml; it prints:\n{printed}"
    );
}

#[test]
fn each_default_of_the_sample_is_a_value_that_programs_take() {
    let text = fs::read_to_string(Parts::root().join("contrib/heartline.toml")).expect("a sample");
    let settings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with([' ', '#']) && line.contains(" = "))
        .collect();
    assert!(settings.len() > 40, "{settings:?}");
    // A form, as HOST[:PORT], is no value; its setting is known all the same.
    let is_form = |line: &&str| line.chars().any(char::is_uppercase) && !line.contains("256MiB");
    let (forms, defaults): (Vec<&str>, Vec<&str>) = settings.iter().partition(|line| is_form(line));
    assert!(
        forms.len() > 10 && defaults.len() > 20,
        "{forms:?} {defaults:?}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), &defaults.join("\n"));
    let output = config(
        &["show"],
        &[("HEARTLINE_CONFIG", path.to_str().expect("UTF-8"))],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

/// Where `heartline reference` has to be written.
const REFERENCE: &str = "docs/reference/commands.md";

#[test]
fn the_reference_of_commands_is_the_one_that_heartline_prints() {
    let mut reference = assert_cmd::Command::new(env!("CARGO_BIN_EXE_heartline"));
    let output = reference
        .arg("reference")
        .timeout(SOON)
        .output()
        .expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let committed = fs::read_to_string(Parts::root().join(REFERENCE)).unwrap_or_default();
    assert!(printed == committed, "run heartline reference >{REFERENCE}");
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
