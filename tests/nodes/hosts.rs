//! Five hosts, each a network namespace with a real `sshd` and an `/etc/hosts` of its own: after an agent on each,
//! each host reaches every other by name with `ssh`, without a password, and knows it by its host key. One is added, one
//! is killed, one changes its address: the files of all others follow.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::left_out::{self, leave_out};
use crate::support::{Guarded, Program, SECRET, no_namespaces, wait_until, which};
use rustix::process::Signal;
use tempfile::TempDir;

/// The time limit of a step, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(60);
const SERVER: &str = "10.77.0.254";

fn run(program: &str, words: &[&str]) -> Output {
    let program = which(program).unwrap_or_else(|| program.into());
    Command::new(&program)
        .args(words)
        .output()
        .expect("it starts")
}

fn must(program: &str, words: &str) {
    let words: Vec<&str> = words.split_whitespace().collect();
    let output = run(program, &words);
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
}

/// A namespace, removed when this value is dropped.
struct Space(String);

impl Space {
    fn new(name: &str) -> Self {
        let space = Self(format!("hl{}{name}", std::process::id()));
        must("ip", &format!("netns add {}", space.0));
        must("ip", &format!("-n {} link set lo up", space.0));
        space
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(which("ip").expect("it is there"));
        let program = which(program).unwrap_or_else(|| program.into());
        command.args(["netns", "exec", &self.0]).arg(program);
        command
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = run("ip", &["netns", "del", &self.0]);
        let _ = fs::remove_dir_all(Path::new("/etc/netns").join(&self.0));
    }
}

/// The network between all hosts, and the server in it.
struct Wire {
    hub: Space,
    folder: TempDir,
    _server: Program,
}

impl Wire {
    fn new() -> Self {
        let hub = Space::new("hub");
        must("ip", &format!("-n {} link add wire type bridge", hub.0));
        must("ip", &format!("-n {} addr add {SERVER}/24 dev wire", hub.0));
        must("ip", &format!("-n {} link set wire up", hub.0));
        let folder = TempDir::with_prefix("heartline-hosts-").expect("a temporary folder");
        let secret = folder.path().join("secret");
        fs::write(&secret, SECRET).expect("written");
        must("chmod", &format!("600 {}", secret.display()));
        let mut command = hub.command(env!("CARGO_BIN_EXE_heartline"));
        command
            .args(["nodes", "server", "--state"])
            .arg(folder.path().join("state.json"));
        let server = Program::start(command.arg("--secret-file").arg(&secret));
        server.wait_for("listening on 0.0.0.0:50091");
        Self {
            hub,
            folder,
            _server: server,
        }
    }
}

/// One host.
struct Host {
    name: String,
    ip: String,
    agent: Option<Program>,
    sshd: Option<Guarded>,
    folder: PathBuf,
    space: Space,
}

impl Host {
    fn new(wire: &Wire, number: u8) -> Self {
        let space = Space::new(&number.to_string());
        let (hub, own) = (&wire.hub.0, &space.0);
        let ip = format!("10.77.0.{number}");
        must(
            "ip",
            &format!("-n {hub} link add v{number} type veth peer name eth0 netns {own}"),
        );
        must("ip", &format!("-n {hub} link set v{number} master wire up"));
        must("ip", &format!("-n {own} link set eth0 up"));
        must("ip", &format!("-n {own} addr add {ip}/24 dev eth0"));
        // What `ip netns exec` mounts over /etc/hosts: a name that cannot be replaced.
        let etc = Path::new("/etc/netns").join(own);
        fs::create_dir_all(&etc).expect("a folder");
        fs::write(etc.join("hosts"), "127.0.0.1 localhost\n").expect("written");
        let folder = wire.folder.path().join(format!("n{number}"));
        fs::create_dir(&folder).expect("a folder");
        let mut host = Self {
            name: format!("n{number}.hadoop.test"),
            ip,
            agent: None,
            sshd: None,
            folder,
            space,
        };
        host.start(wire, if number == 1 { "master" } else { "slave" });
        host
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn start(&mut self, wire: &Wire, role: &str) {
        let key = self.file("host_key");
        let made = run(
            "ssh-keygen",
            &[
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                key.to_str().expect("text"),
            ],
        );
        assert!(made.status.success(), "{made:?}");
        let config = format!(
            "Port 22\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nUsePAM no\nPidFile none\nUseDNS no\n",
            key.display(),
            self.file("authorized_keys").display()
        );
        fs::write(self.file("sshd_config"), config).expect("written");
        fs::create_dir_all("/run/sshd").expect("a folder");
        let mut sshd = self.space.command("sshd");
        let log = fs::File::create(self.file("sshd.log")).expect("a file");
        sshd.args(["-D", "-e", "-f"]).arg(self.file("sshd_config"));
        self.sshd = Some(Guarded::spawn(sshd.stdin(Stdio::null()).stderr(log)));
        let mut agent = self.space.command(env!("CARGO_BIN_EXE_heartline"));
        agent.args([
            "nodes",
            "agent",
            "--role",
            role,
            "--server",
            SERVER,
            "--hostname",
            &self.name,
        ]);
        agent
            .arg("--secret-file")
            .arg(wire.folder.path().join("secret"));
        agent.arg("--key").arg(self.file("id_ed25519"));
        for (option, file) in [
            ("--authorized-keys", "authorized_keys"),
            ("--known-hosts", "known_hosts"),
            ("--host-key", "host_key.pub"),
        ] {
            agent.arg(option).arg(self.file(file));
        }
        self.agent = Some(Program::start(&mut agent));
    }

    fn hosts(&self) -> String {
        let path = Path::new("/etc/netns").join(&self.space.0).join("hosts");
        fs::read_to_string(path).expect("there")
    }

    /// The host keys of the nodes.
    fn known(&self) -> String {
        fs::read_to_string(self.file("known_hosts")).unwrap_or_default()
    }

    fn keys(&self) -> String {
        fs::read_to_string(self.file("authorized_keys")).unwrap_or_default()
    }

    /// The address by which the other one was reached, as it sees it.
    fn reach(&self, other: &str) -> Result<String, String> {
        let output = self
            .space
            .command("ssh")
            .args([
                "-F",
                "none",
                "-o",
                "BatchMode=yes",
                "-o",
                "StrictHostKeyChecking=yes",
            ])
            .args(["-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20"])
            .arg("-o")
            .arg(format!(
                "UserKnownHostsFile={}",
                self.file("known_hosts").display()
            ))
            .args(["-o", "IdentitiesOnly=yes", "-i"])
            .arg(self.file("id_ed25519"))
            .args([&format!("root@{other}"), "echo $SSH_CONNECTION"])
            .stdin(Stdio::null())
            .output()
            .map_err(|why| why.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<&str> = said.split_whitespace().collect();
        match words[..] {
            [_, _, to, _] if output.status.success() => Ok(to.to_owned()),
            _ => Err(format!("{output:?}")),
        }
    }
}

/// Waits until every host's files name all of these; prints how long that took.
fn wait_for_all(hosts: &[Host], what: &str) {
    let began = Instant::now();
    let is_right = |host: &Host| {
        let (names, keys, known) = (host.hosts(), host.keys(), host.known());
        hosts.iter().all(|other| {
            names.contains(&format!("{}\t{}\n", other.ip, other.name))
                && known.contains(&format!("{},{} ssh-ed25519 ", other.name, other.ip))
                && keys.contains(&format!(" {}\n", other.name))
        })
    };
    wait_until(what, LIMIT, || {
        hosts
            .iter()
            .filter(|host| host.agent.is_some())
            .all(is_right)
    });
    eprintln!("{what}: {:.2} s", began.elapsed().as_secs_f64());
}

/// Every one that runs reaches every other that runs.
fn assert_all_reach_all(hosts: &[Host]) {
    let running: Vec<&Host> = hosts.iter().filter(|host| host.agent.is_some()).collect();
    thread::scope(|scope| {
        for from in &running {
            let running = &running;
            scope.spawn(move || {
                for to in running {
                    assert_eq!(
                        from.reach(&to.name),
                        Ok(to.ip.clone()),
                        "{} to {}",
                        from.name,
                        to.name
                    );
                }
            });
        }
    });
}

#[test]
fn every_host_reaches_every_other_by_name_and_without_a_password() {
    if let Some(why) = no_namespaces(&["sshd", "ssh"]) {
        leave_out!("{why}");
    }
    let wire = Wire::new();
    let mut hosts: Vec<Host> = (1..=5).map(|number| Host::new(&wire, number)).collect();
    wait_for_all(&hosts, "five hosts know each other");
    assert_all_reach_all(&hosts);

    hosts.push(Host::new(&wire, 6));
    wait_for_all(&hosts, "one more is known");
    assert_all_reach_all(&hosts);

    // One changes its address while its agent runs.
    let moved = &mut hosts[2];
    let space = &moved.space.0;
    must(
        "ip",
        &format!("-n {space} addr del {}/24 dev eth0", moved.ip),
    );
    moved.ip = "10.77.0.33".to_owned();
    must(
        "ip",
        &format!("-n {space} addr add {}/24 dev eth0", moved.ip),
    );
    wait_for_all(&hosts, "one has moved");
    assert!(
        !hosts[0].hosts().contains("10.77.0.3\t"),
        "{}",
        hosts[0].hosts()
    );
    assert_all_reach_all(&hosts);

    // One is killed: all others are informed, and its entries are kept.
    let killed = &mut hosts[4];
    let agent = killed.agent.take().expect("it runs");
    killed.sshd = None;
    agent.signal(Signal::KILL);
    let began = Instant::now();
    let name = killed.name.clone();
    let lines = |host: &Host| host.agent.as_ref().map(Program::lines).unwrap_or_default();
    wait_until("all others hear of the death", LIMIT, || {
        let mut others = hosts.iter().filter(|host| host.agent.is_some());
        others.all(|host| {
            lines(host)
                .iter()
                .any(|line| line.contains(&format!("{name} is dead")))
        })
    });
    eprintln!(
        "one was killed, and all others know: {:.2} s",
        began.elapsed().as_secs_f64()
    );
    wait_for_all(&hosts, "its entries are kept");
    assert_all_reach_all(&hosts);

    let hosts_before = hosts[0].hosts();
    assert!(
        hosts_before.starts_with("127.0.0.1 localhost\n"),
        "{hosts_before}"
    );
}
