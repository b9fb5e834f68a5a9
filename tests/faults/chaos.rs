//! Members, masters, servers and the network between them break at random while words are counted: every word is right
//! every time, and no epoch ever has two masters.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{
    Direction, Ensemble, Proxy, SERVERS, SOON, Task, Watcher, assert_one_master_an_epoch,
    hadoop::sample_data, visit, wait_until,
};

const TASKS: usize = 5;
/// How long faults happen.
const CHAOS: Duration = Duration::from_secs(20);
/// How much longer there is input.
const CALM: Duration = Duration::from_secs(3);
/// Pause between two pieces of input.
const TICK: Duration = Duration::from_millis(20);

/// Sessions are short, so that there are many masters.
const OPTIONS: [&str; 6] = [
    "--session-timeout",
    "2s",
    "--timeout",
    "500ms",
    "--interval",
    "20ms",
];

#[test]
fn words_are_right_and_masters_alone_whatever_breaks() {
    let seed =
        std::env::var("HEARTLINE_CHAOS_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    println!("HEARTLINE_CHAOS_SEED={seed}");
    let mut world = World::start(seed);
    let watcher = Watcher::events_of(&world.ensemble.address());
    let begin = Instant::now();
    let end = begin + CHAOS + CALM;
    let mut next = begin;
    while Instant::now() < end {
        world.mend(begin.elapsed() < CHAOS);
        if begin.elapsed() < CHAOS && Instant::now() >= next {
            let master = watcher
                .story()
                .into_iter()
                .rev()
                .find(|logged| logged.event == "claimed");
            let fault = world.pick(master.map(|logged| logged.node).as_deref());
            println!("{:5.1} s: {fault:?}", begin.elapsed().as_secs_f64());
            world.inflict(fault);
            next = Instant::now() + world.dice.between(300, 1000);
        }
        world.feed(end);
        sleep(TICK);
    }
    world.end();
    let story = watcher.story();
    assert_one_master_an_epoch(&story);
    let count_of = |event: &str| story.iter().filter(|logged| logged.event == event).count();
    println!(
        "{} masters, {} deaths, {} returns",
        count_of("claimed"),
        count_of("died"),
        count_of("returned")
    );
}

/// A fault, with the number of its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    MemberKilled(usize),
    MemberStopped(usize),
    ServerKilled(usize),
    ServerStopped(usize),
    /// The connection to a server.
    Cut(usize),
    Frozen(usize, Direction),
    Slow(usize),
}

struct World {
    tasks: Vec<Task>,
    proxies: Vec<Proxy>,
    ensemble: Ensemble,
    dice: Dice,
    /// The present faults, with their ends.
    broken: Vec<(Fault, Instant)>,
}

impl World {
    fn start(seed: u64) -> Self {
        let ensemble = Ensemble::start();
        let proxies: Vec<Proxy> = (0..SERVERS)
            .map(|server| Proxy::before(&ensemble.address_of(server)))
            .collect();
        let addresses: Vec<String> = proxies.iter().map(Proxy::address).collect();
        let address = addresses.join(",");
        let mut input = Vec::new();
        for file in sample_data() {
            input.extend(fs::read(file).expect("a text"));
        }
        let start =
            |number| Task::start(&format!("map{number}"), &address, &OPTIONS, input.clone());
        Self {
            tasks: (1..=TASKS).map(start).collect(),
            proxies,
            ensemble,
            dice: Dice(seed),
            broken: Vec::new(),
        }
    }

    /// A fault of a part that works; the master's member more often than others.
    fn pick(&mut self, master: Option<&str>) -> Fault {
        loop {
            let mut member = self.dice.below(TASKS);
            if self.dice.below(2) == 0 {
                let is_master = |task: &Task| Some(task.member().as_str()) == master;
                member = self.tasks.iter().position(is_master).unwrap_or(member);
            }
            let server = self.dice.below(SERVERS);
            let fault = match self.dice.below(9) {
                0 | 1 => Fault::MemberKilled(member),
                2 | 3 => Fault::MemberStopped(member),
                4 => Fault::ServerKilled(server),
                5 => Fault::ServerStopped(server),
                6 => Fault::Cut(server),
                7 if self.dice.below(2) == 0 => Fault::Frozen(server, Direction::ToServer),
                7 => Fault::Frozen(server, Direction::ToClient),
                _ => Fault::Slow(server),
            };
            let place = fault.place();
            if self.broken.iter().all(|(other, _)| other.place() != place) {
                return fault;
            }
        }
    }

    fn inflict(&mut self, fault: Fault) {
        match fault {
            Fault::MemberKilled(member) => self.tasks[member].kill(),
            Fault::MemberStopped(member) => self.tasks[member].stop(),
            Fault::ServerKilled(server) => self.ensemble.kill(server),
            Fault::ServerStopped(server) => self.ensemble.pause(server),
            Fault::Cut(server) => self.proxies[server].cut(),
            Fault::Frozen(server, direction) => self.proxies[server].freeze(direction),
            Fault::Slow(server) => self.proxies[server].delay(Duration::from_millis(100)),
        }
        // Some faults are shorter than any timeout, some are longer than a session.
        let until = Instant::now() + self.dice.between(200, 4000);
        self.broken.push((fault, until));
    }

    /// Ends the faults whose time is over; all of them when the chaos is over.
    fn mend(&mut self, chaos: bool) {
        let now = Instant::now();
        let (over, broken) = self
            .broken
            .drain(..)
            .partition(|(_, until)| !chaos || *until <= now);
        self.broken = broken;
        for (fault, _) in over {
            match fault {
                // The next attempt already runs.
                Fault::MemberKilled(_) => {}
                Fault::MemberStopped(member) => self.tasks[member].go_on(),
                Fault::ServerKilled(server) => self.ensemble.restart(server),
                Fault::ServerStopped(server) => self.ensemble.resume(server),
                Fault::Cut(server) | Fault::Frozen(server, _) | Fault::Slow(server) => {
                    self.proxies[server].restore();
                }
            }
        }
    }

    /// Feeds each task at a rate at which its input ends at `end`.
    fn feed(&mut self, end: Instant) {
        let ticks = end.saturating_duration_since(Instant::now()).as_millis() / TICK.as_millis();
        let ticks = usize::try_from(ticks).expect("a short while").max(1);
        for task in &mut self.tasks {
            task.feed(task.remaining() / ticks + 1);
        }
    }

    /// Ends all tasks, and checks that nothing of them is left in `ZooKeeper`.
    fn end(mut self) {
        assert_eq!(self.broken, [], "all was mended when chaos was over");
        for task in self.tasks.drain(..) {
            task.finish();
        }
        self.ensemble.wait_until_whole();
        wait_until("nobody is a member", SOON, || {
            visit(&self.ensemble.address(), async |session| {
                let members = session.members().await.map(|(members, _)| members.len());
                let claims = session.line(true).await.map(|claims| claims.len());
                (members, claims) == (Ok(0), Ok(0))
            })
            .unwrap_or(false)
        });
    }
}

impl Fault {
    /// The affected part: its kind, and its number.
    fn place(self) -> (u8, usize) {
        match self {
            Self::MemberKilled(member) | Self::MemberStopped(member) => (0, member),
            Self::ServerKilled(server) | Self::ServerStopped(server) => (1, server),
            Self::Cut(server) | Self::Frozen(server, _) | Self::Slow(server) => (2, server),
        }
    }
}

/// Repeatable random numbers: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut roll = self.0;
        roll = (roll ^ (roll >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        roll = (roll ^ (roll >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        roll ^ (roll >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.roll() % count as u64).expect("a small number")
    }

    fn between(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.roll() % (most - least))
    }
}
