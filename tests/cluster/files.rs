//! A cluster's folder names the processes to kill: where another user may have written it, none is killed. And a
//! description that is not a regular file is an error: the program does not wait for it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::left_out::{self, leave_out};
use crate::support::{Guarded, not_root};
use rustix::fs::{CWD, FileType, mknodat};
use tempfile::TempDir;

const DESCRIPTION: &str = "name = \"t\"\nfolder = \"cluster\"\nnetwork = \"127.9.9\"\n\
                           [[host]]\nname = \"h1\"\nid = 1\nroles = [\"zookeeper\", \"namenode\"]\n";

/// A program under `timeout`, which kills it if it hangs and then sets the exit status.
fn limited(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "60", program]);
    command
}

/// The folder of a started cluster, whose records name a running process.
struct Started {
    folder: TempDir,
    victim: Guarded,
}

impl Started {
    fn new() -> Self {
        let folder = TempDir::with_prefix("heartline-folder-").expect("a temporary folder");
        let mut command = Command::new("sleep");
        let victim = Guarded::spawn(command.arg("600").stdin(Stdio::null()));
        let stat = fs::read_to_string(format!("/proc/{}/stat", victim.id())).expect("it runs");
        let fields = stat.rsplit_once(')').expect("a name").1;
        let began = fields.split_whitespace().nth(19).expect("when it began");
        let record = format!("{} {began}\n", victim.id());
        let run = folder.path().join("cluster/h1/run");
        fs::create_dir_all(&run).expect("made");
        for (file, text) in [
            ("cluster.toml", DESCRIPTION),
            ("cluster/description.toml", DESCRIPTION),
            ("cluster/form", "loopback\n"),
            ("cluster/h1/run/zookeeper.pid", &record),
            ("cluster/h1/run/namenode.pid", &record),
        ] {
            let path = folder.path().join(file);
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("its owner");
        }
        for part in ["cluster", "cluster/h1", "cluster/h1/run"] {
            let path = folder.path().join(part);
            fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its owner");
        }
        Self { folder, victim }
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = limited(env!("CARGO_BIN_EXE_heartline"));
        command.arg("cluster").args(words);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.output().expect("it runs")
    }

    /// No command that ends processes does so, and each says why.
    fn assert_refused(&mut self, why: &str) {
        for words in [
            &["down", "cluster.toml"][..],
            &["kill", "cluster.toml", "h1"],
            &["kill", "cluster.toml", "h1/namenode"],
            &["fence", "cluster", "nn1"],
            &["up", "cluster.toml"],
        ] {
            let output = self.run(words);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
            assert!(said.contains(why), "{words:?}: {said}");
            assert!(self.victim.is_running(), "{words:?} has killed it");
        }
    }
}

#[test]
fn nobody_is_killed_by_a_record_that_others_may_write() {
    for part in [
        "cluster",
        "cluster/h1",
        "cluster/h1/run",
        "cluster/h1/run/namenode.pid",
        "cluster/form",
        "cluster/description.toml",
    ] {
        let mut started = Started::new();
        let path = started.at(part);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        fs::set_permissions(&path, Permissions::from_mode(mode | 0o002)).expect("its owner");
        started.assert_refused(&format!(
            "{}: others may write it",
            Path::new(part).display()
        ));
    }
}

#[test]
fn nobody_is_killed_by_a_record_of_another_user() {
    if let Some(why) = not_root() {
        leave_out!("{why}");
    }
    for part in ["cluster", "cluster/h1/run", "cluster/h1/run/namenode.pid"] {
        let mut started = Started::new();
        chown(started.at(part), Some(65534), Some(65534)).expect("root may");
        started.assert_refused(&format!("{part}: it belongs to another user (uid 65534)"));
    }
}

#[test]
fn who_is_recorded_by_this_user_is_killed() {
    let mut started = Started::new();
    let output = started.run(&["kill", "cluster.toml", "h1/namenode"]);
    assert!(output.status.success(), "{output:?}");
    assert!(!started.victim.is_running());
}

#[test]
fn a_description_is_a_file_or_what_a_shell_gives() {
    let folder = TempDir::with_prefix("heartline-description-").expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    mknodat(CWD, at("fifo"), FileType::Fifo, 0o666.into(), 0).expect("a pipe");
    symlink("/dev/zero", at("zero")).expect("linked");
    fs::File::create(at("huge"))
        .and_then(|file| file.set_len(1 << 40))
        .expect("made");
    let run = |command: &mut Command| {
        let output = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    for (name, why) in [
        (
            "fifo",
            "fifo cannot be read; name a cluster's description: it is a named pipe",
        ),
        ("zero", "it is a device"),
        ("huge", "it is larger than 1.0 MiB"),
        (".", "it is a directory"),
    ] {
        for action in [&["status"][..], &["down"], &["config", "--output", "out"]] {
            let mut command = limited(env!("CARGO_BIN_EXE_heartline"));
            let (code, said) = run(command.arg("cluster").args(action).arg(name));
            assert_eq!(code, Some(1), "{said}");
            assert!(said.contains(why), "{said}");
        }
    }
    fs::write(at("cluster.toml"), DESCRIPTION).expect("written");
    let script = r#"exec "$0" cluster config <(cat cluster.toml) --hosts loopback --output out"#;
    let mut command = limited("bash");
    let (code, said) = run(command.args(["-c", script, env!("CARGO_BIN_EXE_heartline")]));
    assert_eq!(code, Some(0), "{said}");
    assert!(at("out/h1/zoo.cfg").is_file());

    // What is in the place of a file that heartline writes.
    fs::remove_file(at("out/h1/zoo.cfg")).expect("written");
    mknodat(CWD, at("out/h1/zoo.cfg"), FileType::Fifo, 0o666.into(), 0).expect("a pipe");
    let mut command = limited(env!("CARGO_BIN_EXE_heartline"));
    let (code, said) = run(command.args([
        "cluster",
        "config",
        "cluster.toml",
        "--hosts",
        "loopback",
        "--output",
        "out",
    ]));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("zoo.cfg cannot be written: it is a named pipe"),
        "{said}"
    );
}
