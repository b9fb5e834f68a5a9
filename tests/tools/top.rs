//! `heartline top` on a real terminal, with a real ZooKeeper and real mappers: what it shows, what its keys do, and how it
//! gives the terminal back.

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Mapper, SOON, Tmux, ZooKeeper, left_out, pair, wait_until, which};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

/// Leaves the test out where there is no terminal to be had.
macro_rules! need_tmux {
    () => {
        if which("tmux").is_none() {
            left_out::leave_out!("tmux is not installed");
        }
    };
}

/// Shows the job of a ZooKeeper on a terminal.
fn show(tmux: &Tmux, zookeeper: &ZooKeeper, options: &str) {
    let address = zookeeper.address();
    tmux.command(&format!(
        "{HEARTLINE} top --zookeeper {address} --session-timeout 2s {options}"
    ));
}

/// Whether a screen has the escape sequence of any colour.
fn has_colours(styled: &str) -> bool {
    let mut sequences = styled.split("\u{1b}[").skip(1);
    sequences.any(|rest| {
        let codes = rest.split('m').next().unwrap_or_default();
        codes
            .split(';')
            .any(|code| matches!(code.as_bytes(), [b'3' | b'9', b'0'..=b'8']))
    })
}

/// Waits for a row that begins so.
fn wait_for_row(tmux: &Tmux, beginning: &str) {
    tmux.wait_until(beginning, |screen| {
        screen.lines().any(|line| line.starts_with(beginning))
    });
}

/// Waits until the shell has the terminal again, as it was.
fn assert_given_back(tmux: &Tmux, modes: &str) {
    tmux.wait_until("the shell is back", |screen| {
        screen.trim_end().ends_with("tmux$")
    });
    assert_eq!(tmux.picture_and_cursor(), (false, true));
    assert_eq!(tmux.modes(), modes);
}

#[test]
fn a_job_is_shown_and_a_killed_mapper_is_dead() {
    need_tmux!();
    let zookeeper = ZooKeeper::start();
    let (_watcher, _master, follower) = pair(&zookeeper);
    let value = "this is a map!\nhost: h\u{1b}]0;t\u{7}\n";
    zookeeper.create_lasting("/heart_beat/x\u{202e}y", value);
    let tmux = Tmux::start(80, 24);
    let modes = tmux.modes();
    show(&tmux, &zookeeper, "");
    tmux.wait_for("master map1 since");
    tmux.wait_for("3 members");
    assert_eq!(tmux.picture_and_cursor(), (true, false));
    wait_for_row(&tmux, "S starved  *map1");
    tmux.wait_for("x\u{fffd}y");
    tmux.wait_for("h\u{fffd}]0;t\u{fffd}");
    assert!(has_colours(&tmux.styled()));
    tmux.wait_until("its beats are seen", |screen| screen.contains('⣿'));
    follower.signal(Signal::KILL);
    wait_for_row(&tmux, "D dead      map2");
    // A filter, an order, and back.
    tmux.press(&["/"]);
    tmux.write("map -dead");
    tmux.wait_until("the dead are not shown", |screen| {
        screen.contains("filter: map -dead") && !screen.contains(" map2 ")
    });
    tmux.press(&["Enter"]);
    tmux.wait_for("1/1 of 3");
    tmux.press(&["Escape"]);
    tmux.wait_for("1/3");
    tmux.press(&["s"]);
    tmux.wait_for("sorted by lag");
    tmux.wait_for("LAG▾");
    // Details and events.
    tmux.press(&["/"]);
    tmux.write("map2");
    tmux.press(&["Enter", "Enter"]);
    tmux.wait_for("state             D dead");
    tmux.press(&["End"]);
    tmux.wait_for("died         map2  closed");
    tmux.press(&["Escape", "q"]);
    assert_given_back(&tmux, &modes);
}

#[test]
fn a_mapper_is_ended_after_a_question() {
    need_tmux!();
    let zookeeper = ZooKeeper::start();
    let (watcher, _master, mut follower) = pair(&zookeeper);
    let tmux = Tmux::start(100, 24);
    show(&tmux, &zookeeper, "--filter map2 --sort name");
    tmux.wait_for("1/1 of 2");
    tmux.press(&["F9"]);
    tmux.wait_for("Kill member map2? y/N");
    tmux.press(&["n"]);
    tmux.wait_for("map2 was not ended");
    assert!(follower.is_running());
    tmux.press(&["K"]);
    tmux.wait_for("Kill member map2? y/N");
    tmux.press(&["y"]);
    let ended = follower.wait();
    assert_eq!(ended.status(), 1, "{}", ended.stderr());
    assert!(
        ended.stderr().contains("kill-task: by an operator"),
        "{}",
        ended.stderr()
    );
    watcher.wait_for_event("failed", "map2");
    tmux.wait_for("the master ends map2");
    wait_for_row(&tmux, "E failed");
}

#[test]
fn an_outage_keeps_the_picture_and_ends() {
    need_tmux!();
    let mut zookeeper = ZooKeeper::start();
    let (_watcher, _master, _follower) = pair(&zookeeper);
    let tmux = Tmux::start(80, 24);
    show(&tmux, &zookeeper, "");
    wait_for_row(&tmux, "S starved   map2");
    zookeeper.kill();
    tmux.wait_for("ZooKeeper away since");
    wait_for_row(&tmux, "S starved   map2");
    zookeeper.restart();
    tmux.wait_until("it can be read again", |screen| {
        screen.contains("2 members") && !screen.contains("away since")
    });
}

#[test]
fn signals_and_stops_give_the_terminal_back() {
    need_tmux!();
    let zookeeper = ZooKeeper::start();
    let _master = Mapper::start(&zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let tmux = Tmux::start(80, 24);
    let modes = tmux.modes();
    let address = zookeeper.address();
    let file = tmux.folder().join("pid");
    let start = || {
        let _ = std::fs::remove_file(&file);
        let pid = file.display();
        tmux.command(&format!(
            "sh -c 'echo $$ >{pid}; exec {HEARTLINE} top --zookeeper {address}'; echo status=$?"
        ));
        tmux.wait_for("master map1 since");
        let pid = std::fs::read_to_string(&file).expect("a pid");
        Pid::from_raw(pid.trim().parse().expect("a number")).expect("a pid")
    };
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        kill_process(start(), signal).expect("it runs");
        tmux.wait_for(&format!("status={status}"));
        assert_given_back(&tmux, &modes);
        tmux.command("clear");
    }
    // Ctrl-Z, a signal, and a stop that nothing can catch: each time `fg` shows the picture again.
    let pid = start();
    for stop in [None, Some(Signal::TSTP), Some(Signal::STOP)] {
        match stop {
            None => tmux.press(&["C-z"]),
            Some(signal) => kill_process(pid, signal).expect("it runs"),
        }
        tmux.wait_for("Stopped");
        if stop != Some(Signal::STOP) {
            assert_given_back(&tmux, &modes);
        }
        tmux.command("clear; fg");
        tmux.wait_for("master map1 since");
        assert_eq!(tmux.picture_and_cursor(), (true, false));
    }
    tmux.press(&["C-c"]);
    tmux.wait_until("the shell is back", |screen| {
        screen.trim_end().ends_with("tmux$")
    });
    assert_given_back(&tmux, &modes);
}

#[test]
fn messages_wait_and_colours_can_be_left_out() {
    need_tmux!();
    let zookeeper = ZooKeeper::start();
    let _master = Mapper::start(&zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let tmux = Tmux::start(80, 24);
    let address = zookeeper.address();
    tmux.command("clear");
    tmux.command(&format!(
        "NO_COLOR=1 HEARTLINE_LOG=debug {HEARTLINE} top --zookeeper {address}"
    ));
    tmux.wait_until("its beats are seen", |screen| screen.contains('⣿'));
    let styled = tmux.styled();
    assert!(!has_colours(&styled), "{styled:?}");
    assert!(!styled.contains("DEBUG"), "{styled}");
    tmux.press(&["q"]);
    tmux.wait_for("DEBUG");
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let output = Command::new(HEARTLINE)
        .arg("top")
        .stdin(Stdio::null())
        .output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let why = said(&output);
    assert!(
        why.contains("stdout is not a terminal; heartline status shows"),
        "{why}"
    );
    assert!(output.stdout.is_empty());
    need_tmux!();
    let tmux = Tmux::start(120, 24);
    tmux.command(&format!("TERM=dumb {HEARTLINE} top; echo status=$?"));
    tmux.wait_for("status=2");
    assert!(tmux.screen().contains("TERM=dumb"), "{}", tmux.screen());
    wait_until("nothing was taken", SOON, || !tmux.picture_and_cursor().0);
}
