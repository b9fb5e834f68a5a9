//! One run: members that work, things that go wrong, then quiet, and the end of all work.

use std::sync::Arc;
use std::time::Duration;

use heartline::coordination::{Security, Settings};
use heartline::detect::{DetectorConfig, Rule};
use heartline::master::state::MasterConfig;
use heartline::master::state::limits::NAMES;
use heartline::member::{
    Config, DirectConfig, MemberRunner, Name, RunnerHooks, Scheduling, Shutdown, ShutdownOrder,
};
use heartline::progress::Progress;
use heartline::protocol::{Ending, Identity};
use heartline::streaming::map_words;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use crate::ending;
use crate::history::History;
use crate::rng::Rng;
use crate::world::direct::Reach;
use crate::world::fault::Fault;
use crate::world::process::{Around, Draw, Wrap, WrapTransport};
use crate::world::{Millis, Weather, World, wall};

/// How long leaving may take, as in production.
const LEAVE_LIMIT: Millis = 900;

/// One member's part.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// A name of its own, or one after the moment of its start.
    pub(crate) name: Option<String>,
    pub(crate) start: Millis,
    /// How long its work takes; as long as the run if there is no limit.
    pub(crate) work: Option<Millis>,
    /// Whether it is there to be master only.
    pub(crate) standing: bool,
    /// What stands between it and others.
    pub(crate) reach: Reach,
}

/// All that makes a run.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    pub(crate) interval: Millis,
    pub(crate) timeout: Millis,
    pub(crate) longest_gap: Millis,
    pub(crate) rule: Rule,
    pub(crate) session: Millis,
    /// Room for names in reports, in bytes.
    pub(crate) names: usize,
    pub(crate) parts: Vec<Part>,
    pub(crate) faults: Vec<(Millis, Fault)>,
    /// From when on nothing goes wrong.
    pub(crate) calm: Millis,
    pub(crate) wrap: Option<Wrap>,
    pub(crate) wrap_transport: Option<WrapTransport>,
    /// Whether members have direct connections besides.
    pub(crate) direct: bool,
    /// Whether the members of a host share one.
    pub(crate) shares: bool,
    pub(crate) draw: Draw,
    pub(crate) verbose: bool,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What broke a rule, first come first.
    pub(crate) broken: Vec<String>,
    pub(crate) history: History,
}

impl Scenario {
    /// Members that work as long as the run lasts, on one server, and nothing that goes wrong.
    pub(crate) fn quiet(members: usize) -> Self {
        let part = |number| Part {
            name: Some(format!("map{number}")),
            start: 100 * number as Millis,
            work: None,
            standing: false,
            reach: Reach::Open,
        };
        Self {
            seed: 1,
            weather: Weather {
                servers: 1,
                delay: 3,
                lag: 0,
                cleanup_delay: 0,
            },
            interval: 50,
            timeout: 200,
            longest_gap: 100,
            rule: Rule::Fixed,
            session: 2000,
            names: NAMES,
            parts: (0..members).map(part).collect(),
            faults: Vec::new(),
            calm: 3000,
            wrap: None,
            wrap_transport: None,
            direct: false,
            shares: false,
            draw: Draw::Fresh,
            verbose: false,
        }
    }

    /// When everything has settled, at the latest.
    fn settled(&self) -> Millis {
        // A session that was lost is given up after 7/5 of its time, a name that is taken tried again
        // after ten seconds; and the first in line has half a session until its first beat.
        self.calm + 3 * self.session + self.weather.cleanup_delay + 10 * self.timeout + 1000
    }

    pub(crate) fn run(&self) -> Outcome {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let world = runtime.block_on(self.play());
        // What is left of the members goes with the runtime.
        drop(runtime);
        let history = std::mem::take(&mut world.lock().history);
        Outcome {
            broken: history.broken.clone(),
            history,
        }
    }

    async fn play(&self) -> World {
        let mut history = History::new(self.timeout, self.verbose);
        history.is_direct = self.direct;
        let world = World::new(self.weather.clone(), Rng::new(self.seed), history);
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        world.lock().share_connections(self.shares);
        tokio::spawn(world.clone().turn());
        for (at, fault) in &self.faults {
            world.lock().plan(*at, fault.clone());
        }
        let stage = Stage {
            scenario: Arc::new(self.clone()),
            world: world.clone(),
            // Just after the check: a channel would wake those who wait in an order of its own.
            closes: at(self.settled() + 1),
        };
        let mut jobs = Vec::new();
        for part in &self.parts {
            let process = world.process();
            jobs.push(tokio::spawn(stage.clone().job(process, part.clone())));
        }
        sleep_until(at(self.settled())).await;
        ending::check_settled(&world, self);
        let leaving = 2 * LEAVE_LIMIT + self.session;
        sleep(Duration::from_millis(leaving)).await;
        for (number, job) in jobs.into_iter().enumerate() {
            if job.is_finished() {
                let whole = job.await.unwrap_or(false);
                if !whole {
                    break_rule(&world, &format!("the output of part {number} is wrong"));
                }
            } else {
                break_rule(&world, &format!("part {number} does not come to its end"));
            }
        }
        sleep(Duration::from_millis(
            2 * self.session + self.weather.cleanup_delay,
        ))
        .await;
        ending::check_empty(&world);
        world
    }
}

fn break_rule(world: &World, what: &str) {
    let mut world = world.lock();
    let now = world.now();
    world.history.break_rule(now, what);
}

/// What all jobs of a run share.
#[derive(Clone)]
struct Stage {
    scenario: Arc<Scenario>,
    world: World,
    /// When all work comes to its end.
    closes: Instant,
}

impl Stage {
    /// One part of a job, in one process after the other until one of them is not killed, as Hadoop
    /// tries a task again. Returns whether its output is right.
    async fn job(self, first: usize, part: Part) -> bool {
        sleep(Duration::from_millis(part.start)).await;
        let mut process = first;
        let mut attempt = 0;
        loop {
            let name = part.name.as_ref().map(|name| match attempt {
                0 => name.clone(),
                _ => format!("{name}.{attempt}"),
            });
            let dead = self.world.lock().processes[process].dead;
            if !dead {
                let task = tokio::spawn(self.clone().process(process, part.clone(), name));
                let handle = task.abort_handle();
                self.world.lock().processes[process].task = Some(handle);
                match task.await {
                    Ok(whole) => return whole,
                    Err(error) if error.is_panic() => {
                        break_rule(&self.world, &format!("process {process} panics: {error}"));
                        return true;
                    }
                    Err(_) => {}
                }
            }
            attempt += 1;
            sleep(Duration::from_millis(300)).await;
            process = self.world.process();
        }
    }

    /// One process: its work and its heartbeat, until both have come to their end.
    async fn process(self, process: usize, part: Part, name: Option<String>) -> bool {
        let around = Around {
            world: self.world.clone(),
            process,
            wrap: self.scenario.wrap.clone(),
            wrap_transport: self.scenario.wrap_transport.clone(),
            draw: self.scenario.draw,
        };
        let progress = Arc::new(Progress::default());
        let (order, stopped) = oneshot::channel();
        let limit = Duration::from_millis(LEAVE_LIMIT);
        let config = self.scenario.config(&self.world, process, &part, name);
        let around = Arc::new(around);
        let hooks = RunnerHooks {
            joined: None,
            complain: Box::new(|_| {}),
            note: Box::new(|_| {}),
            kill: Box::new(|_| {}),
            death_sink: None,
        };
        let runner = MemberRunner::new(config, around, Arc::clone(&progress) as _, hooks);
        let beating = runner.live(Shutdown::new(stopped, limit));
        let works = part.work;
        let work = async {
            let (whole, records) = self.work(works, &progress).await;
            let asked = self.leave(process, order);
            (whole && records > 0, asked)
        };
        let both = Box::pin(async { tokio::join!(beating, work) });
        let (_, (whole, (asked, slept))) = self.world.run(process, both).await;
        let mut world = self.world.lock();
        let now = world.now();
        let took = now - asked - (world.processes[process].slept(now) - slept);
        if took > LEAVE_LIMIT + 2 {
            let what = format!("process {process} takes {took} ms to leave");
            world.history.break_rule(now, &what);
        }
        world.kill(process);
        whole
    }

    /// The data path: it knows nothing of ZooKeeper. Returns whether its output is right.
    async fn work(&self, works: Option<Millis>, progress: &Progress) -> (bool, usize) {
        let end = works.map_or(Millis::MAX / 4, |works| works);
        let step = 100;
        let (mut input, mut spent) = (Vec::new(), 0);
        while spent < end && Instant::now() < self.closes {
            input.extend_from_slice(b"one more\nrecord ");
            let rest = Instant::now() + Duration::from_millis(step);
            sleep_until(rest.min(self.closes)).await;
            spent += step;
        }
        let mut output = Vec::new();
        let mapped = map_words(&mut input.as_slice(), &mut output, progress, None);
        let text = String::from_utf8_lossy(&input);
        let wanted: Vec<String> = text
            .split_whitespace()
            .map(|word| format!("{word}\t1\n"))
            .collect();
        let whole = mapped.is_ok() && output == wanted.concat().as_bytes();
        (whole, output.len())
    }

    /// Orders the heartbeat to end. Returns when, and how long the process had slept by then.
    fn leave(&self, process: usize, order: oneshot::Sender<ShutdownOrder>) -> (Millis, Millis) {
        let mut world = self.world.lock();
        world.history.leaving.push(process);
        let now = world.now();
        // A heartbeat that has ended by itself has panicked, which is noticed elsewhere.
        let _ = order.send(ShutdownOrder {
            ending: Ending::Finished,
            signal: None,
            killed: None,
        });
        (now, world.processes[process].slept(now))
    }
}

impl Scenario {
    fn config(&self, world: &World, process: usize, part: &Part, name: Option<String>) -> Config {
        let millis = Duration::from_millis;
        let mut world = world.lock();
        let drawn = world.rng.next();
        let name = match name {
            Some(name) => name.parse().expect("a name"),
            None => Name::of_mapper(wall(world.now()), u128::from(drawn)),
        };
        world.processes[process].standing = part.standing;
        world.processes[process].reach = part.reach;
        world.history.names.insert(name.to_string(), process);
        Config {
            settings: Settings {
                address: "127.0.0.1:2181".parse().expect("an address"),
                namespace: "/".parse().expect("a path"),
                session_timeout: millis(self.session),
                security: Security::default(),
            },
            pace: MasterConfig {
                interval: millis(self.interval),
                detection: DetectorConfig {
                    rule: self.rule,
                    timeout: millis(self.timeout),
                    longest_gap: millis(self.longest_gap),
                },
                budget: 5000,
                session: millis(self.session),
                names: self.names,
            },
            name,
            identity: Identity {
                host: "simulated".to_owned(),
                pid: 1,
                ..Identity::default()
            },
            standing: part.standing,
            scheduling: Scheduling::Normal,
            recording: None,
            on_death: None,
            direct: self.direct.then(DirectConfig::default),
            master_lease: None,
            turn_hook: None,
        }
    }
}
