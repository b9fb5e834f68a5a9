//! A streaming job on a machine that has nothing: a root folder with a shell, the C library, Java, Hadoop's jars and our
//! two programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::hadoop::{assert_same_counts, count_words, job_counts, log_of, sample_data};
use crate::support::{Parts, left_out, no_namespaces, part_of_machine, which};

/// The folder of Java, found by its program.
fn java_home() -> PathBuf {
    let java = which("java").expect("Java runs the jobs of all tests here");
    let java = java.canonicalize().expect("it is there");
    let home = java.parent().and_then(Path::parent);
    home.expect("bin/java in its folder").to_owned()
}

#[test]
fn a_root_without_anything_else_counts_every_word() {
    let _machine = part_of_machine();
    if let Some(why) = no_namespaces(&["unshare", "chroot"]) {
        left_out::leave_out!("{why}");
    }
    let root = TempDir::with_prefix("heartline-root-").expect("a folder");
    let programs = Path::new(env!("CARGO_BIN_EXE_wc-mapper")).parent();
    // Those of a release, where it was built before.
    let released = std::env::var_os("HEARTLINE_DIST_PROGRAMS").map(PathBuf::from);
    let programs = released
        .as_deref()
        .or(programs)
        .expect("a folder of programs");
    let tree = Parts::root();
    let mut job = Command::new("timeout");
    job.args(["-k", "10", "240"])
        .arg(tree.join("tests/hadoop/bare_root.sh"))
        .args([root.path(), &java_home(), Parts::get().folder()])
        .arg(tree.join("crates/cluster/src/configuration/log4j.properties"))
        .args([&tree.join("sample-data"), programs]);
    let job = job.output().expect("it runs");
    assert!(job.status.success(), "{}", log_of(&job));
    let counts = job_counts(&root.path().join("output"));
    assert_same_counts(&counts, &count_words(&sample_data()));
}
