//! The members of one job, and what must be true of them whatever happens to `ZooKeeper`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use heartline::coordination::Session;

use super::{LoggedEvent, Mapper, Watcher, visit};

/// How long members may take to beat again after an outage. The goal is one second; the rest is for busy machines.
const RECOVERY: Duration = Duration::from_secs(8);

/// Longer than it takes to declare a member dead, with the timeout that members usually have here.
const JUDGEMENT: Duration = Duration::from_secs(1);

/// A master, some followers, and a watcher.
pub(crate) struct Job {
    /// The address at which the watcher and the test itself find the job's znodes: servers and chroot.
    straight: String,
    watcher: Watcher,
    members: BTreeMap<String, Mapper>,
    /// The input of each member.
    input: String,
}

impl Job {
    /// Starts the job at `address`, and waits until its first member is master and all others beat. `size` is the
    /// number of members, `options` are theirs.
    pub(crate) fn start(address: &str, size: usize, options: &[&str]) -> Self {
        let mut job = Self {
            straight: address.to_owned(),
            watcher: Watcher::events_of(address),
            members: BTreeMap::new(),
            input: String::new(),
        };
        for number in 1..=size {
            let name = format!("map{number}");
            job.join(address, &name, options);
            let event = if number == 1 { "claimed" } else { "alive" };
            job.watcher.wait_for_event(event, &name);
        }
        job
    }

    /// Adds a member that reaches `ZooKeeper` at its own address, and does not wait for it.
    pub(crate) fn join(&mut self, address: &str, name: &str, options: &[&str]) {
        // A long timeout: a process that a busy machine does not run is not dead.
        let usual = ["--name", name, "--timeout", "500ms", "--interval", "20ms"];
        let mut member = Mapper::with_options(address, &[&usual, options].concat());
        if !self.input.is_empty() {
            member.feed(self.input.as_bytes());
        }
        self.members.insert(name.to_owned(), member);
    }

    /// The watcher of the job.
    pub(crate) fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// Gives each member more input, whole words.
    pub(crate) fn feed(&mut self, words: &str) {
        self.input.push_str(words);
        for member in self.members.values_mut() {
            member.feed(words.as_bytes());
        }
    }

    /// Waits until each member has beaten since `begin`; returns how long after `begin` that was.
    pub(crate) fn wait_until_all_beat(&self, begin: Instant) -> Duration {
        self.wait_until_beating(begin, self.members.len())
    }

    /// Waits until the first member, whose claim stands, has beaten since `begin`.
    pub(crate) fn wait_until_master_beats(&self, begin: Instant) -> Duration {
        self.wait_until_beating(begin, 1)
    }

    /// Waits until the first `count` members have beaten since `begin`.
    fn wait_until_beating(&self, begin: Instant, count: usize) -> Duration {
        let since = SystemTime::now() - begin.elapsed();
        let since = since.duration_since(UNIX_EPOCH).expect("after 1970");
        loop {
            let beats = visit(&self.straight, async |session| last_beats(session).await).flatten();
            let beats = beats.unwrap_or_default();
            let took = begin.elapsed();
            let has_beaten = |name| beats.get(name).is_some_and(|beat| *beat > since);
            if self.members.keys().take(count).all(has_beaten) {
                return took;
            }
            assert!(
                took < RECOVERY,
                "not all of them have beaten since {since:?}: {beats:?}; reported: {:?}",
                self.watcher.story()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Checks that no member was declared dead, that no epoch had two masters, and that epochs grew.
    pub(crate) fn assert_unharmed(&self) {
        // A member that is declared dead by mistake would be so after a few timeouts.
        thread::sleep(JUDGEMENT);
        self.wait_until_all_beat(Instant::now());
        let story = self.watcher.story();
        let dead = story.iter().find(|logged| logged.event == "died");
        assert_eq!(dead, None, "an outage kills nobody: {story:?}");
        assert_one_master_an_epoch(&story);
        // The watcher may have been disconnected itself; a member that was declared dead says so in every beat.
        for name in self.members.keys() {
            let znode = format!("/heart_beat/{name}");
            let returned = visit(&self.straight, async |session| {
                let path = format!("{}{znode}", session.paths().namespace());
                let value = session.read(&path).await.ok();
                value.is_some_and(|(value, _)| {
                    let text = String::from_utf8_lossy(&value.bytes).into_owned();
                    text.lines().any(|line| line.starts_with("returned: "))
                })
            });
            assert_eq!(returned, Some(false), "{name} was never declared dead");
        }
    }

    /// Ends all input, checks each member's output and exit status, and returns the stderr of each.
    pub(crate) fn finish(self) -> Vec<String> {
        let mut expected = String::new();
        for word in self.input.split_ascii_whitespace() {
            let _ = writeln!(expected, "{word}\t1");
        }
        let ended = self.members.into_values().map(Mapper::finish);
        let said = ended.map(|ended| {
            assert_eq!(
                (ended.status(), ended.stdout()),
                (0, expected.clone()),
                "{}",
                ended.stderr()
            );
            ended.stderr()
        });
        said.collect()
    }
}

/// Checks that no epoch was claimed twice, and that epochs only grew.
pub(crate) fn assert_one_master_an_epoch(story: &[LoggedEvent]) {
    let claims: Vec<_> = story
        .iter()
        .filter(|logged| logged.event == "claimed")
        .map(|logged| (logged.epoch, &logged.node))
        .collect();
    assert!(!claims.is_empty(), "somebody was master: {story:?}");
    assert!(
        claims.is_sorted_by(
            |(epoch, node), (next, other)| epoch < next || (epoch == next && node == other)
        ),
        "one master an epoch, and epochs that grow: {claims:?}"
    );
}

/// When each member has last beaten, according to `ZooKeeper`.
async fn last_beats(session: &Session) -> Option<BTreeMap<String, Duration>> {
    let mut beats = BTreeMap::new();
    let (members, _) = session.members().await.ok()?;
    for name in members {
        let path = session.paths().member(&name);
        if let Ok((value, _)) = session.read(&path).await {
            beats.extend(beat(&value.bytes).map(|at| (name, at)));
        }
    }
    // The master beats on its claim, whose first line is the master's name.
    let (_, claim) = session.first_claim(false).await.ok()??;
    let text = String::from_utf8_lossy(&claim.bytes).into_owned();
    let name = text.lines().next()?.to_owned();
    beats.extend(beat(&claim.bytes).map(|at| (name, at)));
    Some(beats)
}

/// The time in a line like `alive at 1795260688.574485!`.
fn beat(value: &[u8]) -> Option<Duration> {
    let text = String::from_utf8_lossy(value);
    let mut lines = text.lines();
    let at = lines.find_map(|line| {
        line.strip_prefix("alive at ")?
            .strip_suffix('!')?
            .parse()
            .ok()
    });
    at.map(Duration::from_secs_f64)
}
