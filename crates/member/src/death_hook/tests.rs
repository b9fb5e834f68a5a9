//! Tests of the `death_hook` module, with real commands.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use heartline_core::protocol::Identity;

/// A generous limit, for busy machines.
const SOON: Duration = Duration::from_secs(20);

struct Scene {
    folder: TempDir,
    hook: DeathHook,
    death_sink: DeathSink,
}

impl Scene {
    /// `script` gets the name of a file in `$0`, and the known details of the dead member in `$1` to `$6`.
    fn begin(script: &str, limit: Duration) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("logged").display().to_string();
        let command = format!(
            "sh -c '{script}' {file} {{attempt}} {{node}} {{host}} {{job}} {{pid}} {{epoch}}"
        );
        let command = command.parse().unwrap();
        let (hook, death_sink) = DeathHook::with_limit("test", command, limit).unwrap();
        Self {
            folder,
            hook,
            death_sink,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn logged(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("logged")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn wait_for(&self, count: usize) -> Vec<String> {
        let end = Instant::now() + SOON;
        while self.logged().len() < count {
            assert!(Instant::now() < end, "{:?}", self.logged());
            sleep(LOOK);
        }
        self.logged()
    }
}

fn death(node: &str, identity: Identity) -> Death {
    Death {
        node: node.to_owned(),
        identity,
        epoch: 40,
    }
}

#[test]
fn a_command_is_told_who_died() {
    let scene = Scene::begin(r#"echo "$1|$2|$3|$4|$5|$6" >> "$0""#, LIMIT);
    let known = Identity {
        attempt: Some("attempt_1_0001_m_000000_0".to_owned()),
        job: Some("job_1_0001".to_owned()),
        host: "hd-slave1".to_owned(),
        pid: 42,
        ..Identity::default()
    };
    (scene.death_sink)(death("map1.0", known));
    scene.wait_for(1);
    (scene.death_sink)(death("map2.0", Identity::default()));
    scene.wait_for(2);
    // Values in ZooKeeper cannot inject commands or options.
    let foreign = Identity {
        attempt: Some("$(reboot)".to_owned()),
        host: "--force".to_owned(),
        ..Identity::default()
    };
    (scene.death_sink)(death("map 3", foreign));
    // Forms that fit one placeholder and not another, and lengths that no name has.
    let odd = Identity {
        attempt: Some("a:1".to_owned()),
        host: "::1".to_owned(),
        job: Some("j".repeat(300)),
        ..Identity::default()
    };
    (scene.death_sink)(death("..", odd));
    assert_eq!(
        scene.wait_for(4),
        [
            "attempt_1_0001_m_000000_0|map1.0|hd-slave1|job_1_0001|42|40",
            "|map2.0||||40",
            "|||||40",
            "|||||40"
        ]
    );
}

#[test]
fn a_few_run_at_once_and_the_rest_after_them() {
    let script = r#"echo "$2" >> "$0"; while [ -e "$0.hold" ]; do sleep 0.01; done; exit 3"#;
    let scene = Scene::begin(script, LIMIT);
    fs::write(scene.path("logged.hold"), "").unwrap();
    for number in 0..7 {
        (scene.death_sink)(death(&format!("map{number}"), Identity::default()));
    }
    scene.wait_for(AT_ONCE);
    // Give the hook time to start too many commands.
    sleep(LOOK * 10);
    assert_eq!(scene.logged().len(), AT_ONCE);
    fs::remove_file(scene.path("logged.hold")).unwrap();
    drop(scene.death_sink);
    scene.hook.close(SOON);
    let end = Instant::now() + SOON;
    let logged = || fs::read_to_string(scene.folder.path().join("logged")).unwrap();
    while logged().lines().count() < 7 {
        assert!(Instant::now() < end, "{}", logged());
        sleep(LOOK);
    }
}

#[test]
fn what_takes_too_long_is_ended_with_all_that_it_has_started() {
    let script =
        r#"if [ -e "$0" ]; then echo >> "$0"; else sleep 1000 & echo "$$ $!" >> "$0"; wait; fi"#;
    let scene = Scene::begin(script, Duration::from_millis(200));
    (scene.death_sink)(death("map1.0", Identity::default()));
    let lines = scene.wait_for(1);
    let end = Instant::now() + SOON;
    for pid in lines[0].split(' ') {
        let is_alive = || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
            state.is_some_and(|state| state != "Z")
        };
        while is_alive() {
            assert!(Instant::now() < end, "{pid} lives");
            sleep(LOOK);
        }
    }
    // The next command gets its turn.
    (scene.death_sink)(death("map2.0", Identity::default()));
    scene.wait_for(2);
}

#[test]
fn more_than_can_wait_are_not_waited_for() {
    let scene = Scene::begin(r#"while [ -e "$0.hold" ]; do sleep 0.05; done"#, LIMIT);
    fs::write(scene.path("logged.hold"), "").unwrap();
    for _ in 0..MOST_WAITING + 100 {
        (scene.death_sink)(death("map1.0", Identity::default()));
    }
    // Some commands may have started while more deaths arrived; none of them ends.
    let waiting = scene.hook.waiting.load(Ordering::Relaxed);
    assert!((MOST_WAITING - AT_ONCE..=MOST_WAITING).contains(&waiting));
}
