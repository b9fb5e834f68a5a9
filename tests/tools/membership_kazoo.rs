//! A group whose other members are played by kazoo.

use crate::support;
use crate::support::left_out::{self, leave_out};
use crate::support::{Dialog, ZooKeeper, group_member};
use rustix::process::Signal;

/// Obeys lines of commands: `create PATH VALUE`, `watch PATH`, `claim PATH VALUE`, `stop`.
const SCRIPT: &str = r#"
import sys, threading
from kazoo.client import KazooClient
from kazoo.exceptions import NodeExistsError

zk = KazooClient(hosts=sys.argv[1], timeout=2)
zk.start()
print("connected")

def create(path, value):
    zk.create(path, value.encode(), ephemeral=True, makepath=True)
    print("created", path)

def watch(path):
    zk.ensure_path(path)
    zk.ChildrenWatch(path, lambda names: print("children", *sorted(names)))

def claim(path, value):
    # The recipe: create it, or wait until it is gone and try again.
    def run():
        while True:
            gone = threading.Event()
            try:
                zk.create(path, value.encode(), ephemeral=True)
                return print("active", value)
            except NodeExistsError:
                if zk.exists(path, watch=lambda event: gone.set()):
                    print("backup of", zk.get(path)[0].decode())
                    gone.wait()
    threading.Thread(target=run, daemon=True).start()

for line in sys.stdin:
    word, *rest = line.split()
    if word == "stop":
        break
    {"create": create, "watch": watch, "claim": claim}[word](*rest)
zk.stop()
print("stopped")
"#;

/// Kazoo, once it has connected, or why it is not available.
fn kazoo(zookeeper: &ZooKeeper) -> Result<Dialog, String> {
    let kazoo = Dialog::kazoo(zookeeper, SCRIPT)?;
    kazoo.wait_for("connected");
    Ok(kazoo)
}

#[test]
fn kazoo_and_heartline_take_over_from_each_other() {
    let zookeeper = ZooKeeper::with_settings(&["tickTime=500"]);
    let mut first = match kazoo(&zookeeper) {
        Ok(kazoo) => kazoo,
        Err(why) => leave_out!("kazoo cannot be had: {why}"),
    };
    first.ask("claim /master k1:2223", "active k1:2223");
    let heartline = group_member(&zookeeper, "master --address m1:2223", &["sleep", "100"]);
    heartline.wait_for("it is backup", |lines| {
        lines
            .iter()
            .any(|line| line.contains(r#""active":"k1:2223""#))
    });
    first.say("stop");
    heartline.wait_for_event("active", "master");
    let mut second = kazoo(&zookeeper).expect("it was there before");
    second.ask("claim /master k2:2223", "backup of m1:2223");
    heartline.signal(Signal::KILL);
    second.wait_for("active k2:2223");
}

#[test]
fn each_sees_the_workers_of_the_other() {
    let zookeeper = ZooKeeper::with_settings(&["tickTime=500"]);
    let mut kazoo = match kazoo(&zookeeper) {
        Ok(kazoo) => kazoo,
        Err(why) => leave_out!("kazoo cannot be had: {why}"),
    };
    let master = group_member(&zookeeper, "master --address m1:2223", &[]);
    master.wait_for_event("active", "master");
    // The active master creates it, a moment after its event.
    support::wait_until("there is a place for workers", support::SOON, || {
        zookeeper.exists("/workers")
    });
    kazoo.say("watch /workers");
    kazoo.ask("create /workers/k1 k1:2224", "created /workers/k1");
    master.wait_for_event("worker-joined", "k1");
    let worker = group_member(&zookeeper, "worker --address w1:2224", &[]);
    kazoo.wait_for("children k1 w1");
    master.wait_for_event("worker-joined", "w1");
    kazoo.say("stop");
    master.wait_for_event("worker-left", "k1");
    worker.signal(Signal::TERM);
    master.wait_for_event("worker-left", "w1");
}
