//! The Python module `heartline` of `python/`: its own tests, with a real `ZooKeeper` and the real `heartline commit`.

use std::path::Path;
use std::process::Command;

use crate::support::{Parts, ZooKeeper};

#[test]
fn tasks_in_python_say_what_they_did_and_commit_once() {
    let zookeeper = ZooKeeper::start();
    let programs = Path::new(env!("CARGO_BIN_EXE_heartline")).parent();
    let programs = programs.expect("a folder").to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path)));
    let output = Command::new("timeout")
        .args([
            "120", "python3", "-m", "unittest", "discover", "-s", "tests", "-t", ".",
        ])
        .current_dir(Parts::root().join("python"))
        .env("PATH", path.expect("a PATH"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HEARTLINE_TEST_ZOOKEEPER", zookeeper.address())
        .output()
        .expect("python3");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let ran = said.contains("Ran ") && said.trim_end().ends_with("OK");
    assert!(ran, "none was left out: {said}");
}
