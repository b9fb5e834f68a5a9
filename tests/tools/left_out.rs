//! A test that did not run must not count as passed: the summary of `scripts/test` counts and names it.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::left_out::{self, leave_out};
use crate::support::{Parts, sources};
use tempfile::TempDir;

/// Set in the process that leaves its test out.
const CHILD: &str = "HEARTLINE_TEST_TO_LEAVE_OUT";

#[test]
fn a_test_left_out_is_noted_by_name_and_never_swallowed() {
    if env::var_os(CHILD).is_some() {
        leave_out!("no {}\nto be had", "kazoo");
    }
    let folder = TempDir::with_prefix("heartline-left-out-").expect("a temporary folder");
    let notes = folder.path().join("notes");
    let run = |notes: Option<&Path>| {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args([
            "--exact",
            "left_out::a_test_left_out_is_noted_by_name_and_never_swallowed",
        ]);
        // With one thread the harness gives the test's thread no name.
        command.args(["--test-threads", "1"]).env(CHILD, "1");
        match notes {
            Some(notes) => command.env("HEARTLINE_LEFT_OUT", notes),
            None => command.env_remove("HEARTLINE_LEFT_OUT"),
        };
        let output = command.output().expect("it runs");
        assert!(said(&output).contains("1 passed"), "{}", said(&output));
        output
    };
    let name = "tools::left_out::a_test_left_out_is_noted_by_name_and_never_swallowed";
    for _ in 0..2 {
        run(Some(&notes));
    }
    let line = format!("test\t{name}\tno kazoo to be had\n");
    assert_eq!(fs::read_to_string(&notes).expect("notes"), line.repeat(2));
    // Without `scripts/test` the message goes to people.
    let message = format!("left out: {name}: no kazoo to be had\n");
    assert!(said(&run(None)).contains(&message));
}

/// The output of `cargo test`, shortened.
const LOG: &str = "\
   Compiling heartline v0.1.0
     Running unittests src/lib.rs (target/debug/deps/heartline-1)

running 3 tests
test nodes::one ... ok
test nodes::two ... ok
test nodes::slow ... ignored

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/cluster_netns.rs (target/debug/deps/cluster_netns-1)
test three_hosts ... ok
test a_host ... ok
test nightly ... ignored, takes an hour
test broken ... FAILED

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 9.00s

   Doc-tests heartline
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

/// The notes of a test that was left out in two of its parts, and of a check.
const NOTES: &str = "\
test\tcluster_netns::three_hosts\tsshd is missing
test\tcluster_netns::three_hosts\tssh is missing
test\tnodes::two\tneeds root
check\tshellcheck\tit is not installed
";

/// The output of a function of `scripts/lib/test-summary.sh` for the log and the notes, and whether it succeeds.
fn summary(function: &str, log: &str, notes: &str) -> (String, bool) {
    let folder = TempDir::with_prefix("heartline-left-out-").expect("a temporary folder");
    let (first, second) = (folder.path().join("log"), folder.path().join("notes"));
    fs::write(&first, log).expect("written");
    fs::write(&second, notes).expect("written");
    let lib = Parts::root().join("scripts/lib/test-summary.sh");
    let words: Vec<&str> = function.split(' ').collect();
    let output = Command::new("bash")
        .args([
            "-euc",
            r#". "$0"; function=$1 log=$2 notes=$3; shift 3; "$function" "$log" "$notes" "$@""#,
        ])
        .arg(lib)
        .arg(words[0])
        .args([&first, &second])
        .args(&words[1..])
        .output()
        .expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    (stdout, output.status.success())
}

#[test]
fn the_summary_counts_and_names_what_was_left_out() {
    let lines = "\
left out: nodes::slow: ignored
left out: cluster_netns::nightly: ignored: takes an hour
left out: cluster_netns::three_hosts: sshd is missing
left out: nodes::two: needs root
left out: shellcheck: it is not installed
3 passed, 1 failed, 5 skipped
";
    assert_eq!(
        summary("test_summary", LOG, NOTES),
        (lines.to_owned(), true)
    );
    let (all, _) = summary("test_summary", LOG, "");
    assert!(all.ends_with("\n5 passed, 1 failed, 2 skipped\n"), "{all}");
}

#[test]
fn a_run_in_which_nothing_passed_has_failed() {
    let log = "test result: ok. 1 passed; 0 failed; 0 ignored;\n";
    let note = "test\tnodes::one\tneeds root\n";
    let (said, succeeds) = summary("test_summary", log, note);
    assert!(
        !succeeds && said.ends_with("0 passed, 0 failed, 1 skipped\n"),
        "{said}"
    );
    assert!(summary("test_summary", log, "").1);
    assert!(!summary("test_summary", "", "").1);
}

#[test]
fn only_what_needs_root_is_excused_and_not_for_root() {
    let others = "nodes::slow\ncluster_netns::nightly\ncluster_netns::three_hosts\n";
    let (user, _) = summary("wrongly_left_out 1000", LOG, NOTES);
    assert_eq!(user, format!("{others}shellcheck\n"));
    let (root, _) = summary("wrongly_left_out 0", LOG, NOTES);
    assert_eq!(root, format!("{others}nodes::two\nshellcheck\n"));
}

/// `scripts/test` and `.ci/run` with a `cargo` that runs no test but reports some, one of them left out.
struct Fake(TempDir);

impl Fake {
    fn new() -> Self {
        let fake = Self(TempDir::with_prefix("heartline-left-out-").expect("a temporary folder"));
        Parts::get();
        Parts::of_kafka();
        Parts::of_old_zookeeper();
        fs::create_dir(fake.home()).expect("made");
        std::os::unix::fs::symlink(Parts::home().join("parts"), fake.home().join("parts"))
            .expect("a link to the parts");
        let cargo = "#!/bin/sh
[ \"$1\" = test ] || exit 0
printf 'test\\tstory::left\\tsshd is missing\\n' >>\"$HEARTLINE_LEFT_OUT\"
echo 'test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured;'
";
        for (name, text) in [
            ("cargo", cargo),
            ("shellcheck", "#!/bin/sh\n"),
            ("tmux", "#!/bin/sh\n"),
            ("parallel", "#!/bin/sh\n"),
            ("sshd", "#!/bin/sh\n"),
        ] {
            let path = fake.0.path().join(name);
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its owner");
        }
        fake.book_tools();
        fake
    }

    /// What scripts/book would install, by the versions that it names.
    fn book_tools(&self) {
        let script = Parts::root().join("scripts/book");
        let script = fs::read_to_string(script).expect("the script");
        for name in ["mdbook", "lychee"] {
            let version = format!("{}=", name.to_uppercase());
            let version = script.lines().find_map(|line| line.strip_prefix(&version));
            let version = version.expect("a version");
            let folder = self.home().join(format!("tools/{name}-{version}/bin"));
            fs::create_dir_all(&folder).expect("made");
            std::os::unix::fs::symlink("/bin/true", folder.join(name)).expect("a link");
        }
    }

    fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }

    fn run(&self, script: &str, require_all: Option<&str>) -> Output {
        let path = env::var("PATH").expect("a PATH");
        let mut command = Command::new("bash");
        command.arg(Parts::root().join(script));
        command.env("PATH", format!("{}:{path}", self.0.path().display()));
        command.env("HEARTLINE_HOME_DIR", self.home());
        command.env_remove("HEARTLINE_INSTALL_SSHD");
        match require_all {
            Some(value) => command.env("HEARTLINE_REQUIRE_ALL", value),
            None => command.env_remove("HEARTLINE_REQUIRE_ALL"),
        };
        command.output().expect("the script runs")
    }
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr]
        .map(String::from_utf8_lossy)
        .concat()
}

#[test]
fn the_test_command_reports_it_and_fails_where_all_is_required() {
    let fake = Fake::new();
    let output = fake.run("scripts/test", None);
    assert!(output.status.success(), "{}", said(&output));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let end = "left out: story::left: sshd is missing\n2 passed, 0 failed, 1 skipped\n";
    assert!(stdout.ends_with(end), "{}", said(&output));

    let output = fake.run("scripts/test", Some("1"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("failed: left out: story::left;"),
        "{}",
        said(&output)
    );

    // CI requires all tests in any case, and does not get as far as the demo.
    let output = fake.run(".ci/run", None);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("failed: left out: story::left;"),
        "{}",
        said(&output)
    );
}

#[test]
fn no_test_returns_early_without_a_word() {
    let mut wrong = Vec::new();
    let mut look = |path: &Path, is_wrong: &dyn Fn(&str) -> bool| {
        let text = fs::read_to_string(path).expect("source text");
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| is_wrong(line.trim()));
        wrong.extend(lines.map(|(number, _)| format!("{}:{}", path.display(), number + 1)));
    };
    // The harness swallows what a test prints.
    let prints = concat!("println!(\"", "skipped");
    let returns = |line: &str| line == concat!("return", ";") || line.contains(prints);
    let tests = Parts::root().join("tests");
    for folder in ["cluster", "faults", "hadoop", "nodes", "seed", "tools"] {
        for path in sources(&tests.join(folder)) {
            look(&path, &returns);
        }
    }
    for folder in ["src", "crates"] {
        for path in sources(&Parts::root().join(folder)) {
            look(&path, &|line| line.contains(prints));
        }
    }
    assert!(
        wrong.is_empty(),
        "end a test by leave_out! (tests/support/left_out.rs), so that it does not count as passed: {wrong:#?}"
    );
}
