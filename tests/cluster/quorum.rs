//! An ensemble with observers loses a minority of its voters, then the majority, and comes back: `zkstats` shows it, and
//! mappers beat, go on without a heartbeat, and beat again.

use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Described, Job, wait_until};

/// Three voters and two observers.
const DESCRIPTION: &str = r#"
[[host]]
name = "z1"
id = 1
roles = ["zookeeper"]
[[host]]
name = "z2"
id = 2
roles = ["zookeeper"]
[[host]]
name = "z3"
id = 3
roles = ["zookeeper"]
[[host]]
name = "o1"
id = 4
roles = ["observer"]
[[host]]
name = "o2"
id = 5
roles = ["observer"]
"#;

/// An election, on a busy machine.
const ELECTION: Duration = Duration::from_secs(60);

#[test]
fn a_lost_minority_is_nothing_and_a_lost_majority_stops_only_the_beats() {
    let _machine = crate::support::whole_machine();
    let cluster = Described::new("loopback", DESCRIPTION);
    cluster.up();
    let hosts: Vec<String> = (1..=5).map(|id| cluster.address(id)).collect();
    let modes = modes(&hosts);
    assert_eq!(
        modes.iter().filter(|mode| *mode == "leader").count(),
        1,
        "{modes:?}"
    );
    assert_eq!(
        modes.iter().filter(|mode| *mode == "follower").count(),
        2,
        "{modes:?}"
    );
    assert_eq!(modes[3..], ["observer", "observer"]);

    let mut job = Job::start(
        &cluster.ensemble(&[1, 2, 3]),
        3,
        &["--session-timeout", "10s"],
    );
    job.feed("it was the best of times ");

    let voters = ["z1", "z2", "z3"];
    let leader = modes
        .iter()
        .position(|mode| mode == "leader")
        .expect("it was counted");
    let followers: Vec<&str> = voters
        .iter()
        .copied()
        .filter(|host| *host != voters[leader])
        .collect();

    // Two of three voters are left.
    cluster.kill(followers[0]);
    job.wait_until_all_beat(Instant::now());
    assert!(zkstats(&hosts).status.success());
    job.feed("it was the worst of times ");

    // One voter is left, and both observers, which do not count.
    cluster.kill(followers[1]);
    wait_until("there is no quorum", ELECTION, || {
        zkstats(&hosts).status.code() == Some(1)
    });
    let found = lines(&zkstats(&hosts));
    assert!(
        found.iter().all(|line| line.ends_with("\tMode:NULL")),
        "{found:?}"
    );
    job.feed("it was the age of wisdom ");
    sleep(Duration::from_secs(2));

    cluster.up();
    job.wait_until_all_beat(Instant::now());
    assert!(zkstats(&hosts).status.success());
    job.assert_unharmed();
    job.finish();
}

fn zkstats(hosts: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heartline"))
        .arg("zkstats")
        .args(hosts)
        .output()
        .expect("heartline runs")
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

/// The mode of each, as the lines show it.
fn modes(hosts: &[String]) -> Vec<String> {
    let output = zkstats(hosts);
    assert!(output.status.success(), "{output:?}");
    let found = lines(&output);
    assert_eq!(found.len(), hosts.len(), "{found:?}");
    let mode = |(line, host): (&String, &String)| {
        let mode = line.strip_prefix(&format!("{host}\tMode: "));
        mode.unwrap_or_else(|| panic!("{line:?}")).to_owned()
    };
    found.iter().zip(hosts).map(mode).collect()
}
