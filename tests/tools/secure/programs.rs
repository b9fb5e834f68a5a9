//! Each program that watches, shows or waits, by a settings file, on a server that gives no session to who does not
//! authenticate: with credentials it does its work, and without it says what is missing.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{HEARTLINE, SETUP, text_of};
use crate::support::left_out::{self, leave_out};
use crate::support::{Mapper, PASSWORD, Program, SOON, Secured, Tmux, wait_until, which};

const WATCH_MASTER: &str = env!("CARGO_BIN_EXE_watch-master");
const WATCH_SLAVE: &str = env!("CARGO_BIN_EXE_watch-slave");
/// What each of them says without credentials.
const REFUSED: &str = "ZooKeeper refuses a session without credentials";

fn closed_server() -> Secured {
    Secured::start(&["sessionRequireClientSASLAuth=true"])
}

/// A settings file, with the job's credentials or without.
fn settings(secured: &Secured, has_credentials: bool) -> PathBuf {
    let address = secured.zookeeper.address();
    let mut text = format!("zookeeper = \"{address}\"\nnamespace = \"/job\"\n");
    if has_credentials {
        let file = secured.files.credentials("job", "job");
        text.extend([format!("zookeeper-sasl = \"digest-md5:{file}\"\n")]);
    }
    let name = format!("heartline-{has_credentials}.toml");
    secured.files.write(&name, &text)
}

fn command(settings: &Path, program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env("HEARTLINE_CONFIG", settings).args(words);
    // watch-slave writes a file for each member.
    command.current_dir(settings.parent().expect("a folder"));
    command
}

fn start(settings: &Path, program: &str, words: &[&str]) -> Program {
    Program::start(&mut command(settings, program, words))
}

/// The programs that go on until they are ended, with their words.
fn lasting(recording: &str) -> [(&'static str, Vec<&str>); 7] {
    [
        (WATCH_MASTER, vec!["--json"]),
        (WATCH_SLAVE, vec!["--json"]),
        (HEARTLINE, vec!["events"]),
        (HEARTLINE, vec!["serve", "--listen", "127.0.0.1:0"]),
        (HEARTLINE, vec!["record", recording]),
        (HEARTLINE, vec!["master"]),
        (HEARTLINE, vec!["wait", "--tasks", "1", "--json"]),
    ]
}

/// The text of a recording, as any program for gzip reads it.
fn recorded(file: &Path) -> String {
    let file = File::open(file).expect("it is there");
    let text = Command::new("gzip").arg("-dc").stdin(file).output();
    text_of(&text.expect("gzip runs").stdout)
}

#[test]
fn each_program_does_its_work_by_the_credentials_of_a_settings_file() {
    if which("tmux").is_none() {
        leave_out!("tmux is not installed");
    }
    let secured = closed_server();
    let settings = settings(&secured, true);
    let done = command(&settings, SETUP, &[]).output().expect("it runs");
    assert!(done.status.success(), "{done:?}");
    let recording = secured.files.folder().join("job.recording");
    let programs = lasting(recording.to_str().expect("a path"))
        .map(|(program, words)| start(&settings, program, &words));
    let [
        watch_master,
        watch_slave,
        events,
        serve,
        _record,
        master,
        wait,
    ] = &programs;
    master.wait_for("zookeeper: CONNECTED");
    watch_master.wait_for(r#""event":"claimed""#);
    let variable = format!("HEARTLINE_CONFIG={}", settings.display());
    let mut mapper = Mapper::behind(&["env", &variable], &["--name=map1", "--timeout=3s"]);
    for watcher in [watch_master, watch_slave, events] {
        watcher.wait_for(r#""node":"map1""#);
    }
    serve.wait_for("http://");
    let lines = serve.lines();
    let page = lines.iter().find_map(|line| line.split_once("http://"));
    let page = page.expect("it was waited for").1.trim_end_matches('/');
    wait_until("the page shows map1", SOON, || {
        let answer = ureq::get(format!("http://{page}/api/v1/jobs/0")).call();
        let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
        text.is_ok_and(|text| text.contains("map1"))
    });
    let tmux = Tmux::start(80, 24);
    tmux.command(&format!("{variable} {HEARTLINE} top"));
    tmux.wait_for("map1");
    wait_until("the recording has map1", SOON, || {
        recorded(&recording).contains("map1")
    });
    mapper.feed(b"one\n");
    assert_eq!(mapper.finish().status(), 0);
    wait.wait_for(r#""finished":1"#);
    for program in &programs {
        let said = program.lines().join("\n");
        assert!(
            !said.contains(REFUSED) && !said.contains(PASSWORD),
            "{said}"
        );
    }
}

#[test]
fn without_credentials_each_program_says_so() {
    if which("tmux").is_none() {
        leave_out!("tmux is not installed");
    }
    let secured = closed_server();
    let settings = settings(&secured, false);
    let recording = secured.files.folder().join("job.recording");
    // These go on: the server may be opened, and the file of credentials be mended, while they wait.
    let programs = lasting(recording.to_str().expect("a path"))
        .map(|(program, words)| start(&settings, program, &words));
    let tmux = Tmux::start(200, 24);
    tmux.command(&format!(
        "HEARTLINE_CONFIG={} {HEARTLINE} top",
        settings.display()
    ));
    for mut program in programs {
        program.wait_for(REFUSED);
        program.wait_for("--zookeeper-sasl");
        assert!(program.is_running(), "{:?}", program.lines());
    }
    tmux.wait_for(REFUSED);
    // These end.
    for (program, words) in [
        (SETUP, &[][..]),
        (HEARTLINE, &["status"]),
        (HEARTLINE, &["interval", "50ms"]),
        (HEARTLINE, &["kill", "map1"]),
    ] {
        let ended = assert_cmd::Command::from_std(command(&settings, program, words))
            .timeout(SOON)
            .output()
            .expect("it runs");
        let said = text_of(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{words:?}: {said}");
        assert!(said.contains(REFUSED), "{words:?}: {said}");
    }
}
