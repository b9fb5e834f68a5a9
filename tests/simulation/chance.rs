//! What a seed makes of a run: who takes part, what the weather is like, what goes wrong and when.

use heartline::detect::Rule;
use heartline::master::state::limits::NAMES;

use crate::rng::Rng;
use crate::run::{Part, Scenario};
use crate::world::direct::Reach;
use crate::world::direct_fault::DirectFault;
use crate::world::fault::Fault;
use crate::world::process::Draw;
use crate::world::{Millis, Weather};

/// From when on nothing goes wrong.
const CALM: Millis = 6000;

/// The scenario of a seed.
pub(crate) fn scenario(seed: u64) -> Scenario {
    let mut rng = Rng::new(seed);
    let servers = rng.pick(&[1, 3, 3]);
    let interval = 50;
    let weather = Weather {
        servers,
        delay: rng.within(1..9),
        lag: if servers == 1 { 0 } else { rng.within(0..30) },
        cleanup_delay: rng.pick(&[0, 0, 300, 1500]),
    };
    let session = rng.within(8..20) * 100;
    let members = rng.within(2..7);
    let together = rng.chance(300);
    let parts = (0..members).map(|number| Part {
        name: rng.chance(500).then(|| format!("map{number}")),
        start: if together { 0 } else { rng.within(0..1500) },
        work: rng.chance(400).then(|| rng.within(500..CALM)),
        standing: rng.chance(100),
        reach: Reach::Open,
    });
    let mut parts: Vec<Part> = parts.collect();
    let mut plan = Plan {
        processes: parts.len(),
        servers,
        session,
        faults: Vec::new(),
    };
    for _ in 0..rng.within(2..10) {
        let at = rng.within(300..CALM - 500);
        plan.strike(&mut rng, at);
    }
    let timeout = rng.within(4..7) * interval;
    let rule = rng.pick(&[Rule::Fixed, Rule::Adaptive]);
    // Drawn last: without direct connections a seed is what it was before there were any.
    let direct = rng.chance(500);
    if direct {
        plan.directly(&mut rng, &mut parts);
    }
    // Masters of large jobs count followers that they do not name.
    let names = rng.pick(&[NAMES, 20, 0]);
    let shares = direct && rng.chance(500);
    Scenario {
        seed,
        weather,
        interval,
        timeout,
        longest_gap: 2 * interval,
        rule,
        session,
        names,
        parts,
        faults: plan.faults,
        calm: CALM,
        wrap: None,
        wrap_transport: None,
        direct,
        shares,
        draw: Draw::Fresh,
        verbose: false,
    }
}

struct Plan {
    processes: usize,
    servers: usize,
    session: Millis,
    faults: Vec<(Millis, Fault)>,
}

impl Plan {
    fn add(&mut self, at: Millis, fault: Fault) {
        self.faults.push((at, fault));
    }

    /// One that lasts, and what mends it.
    fn pass(&mut self, from: Millis, until: Millis, fault: Fault, mended: Fault) {
        self.add(from, fault);
        self.add(until, mended);
    }

    /// What is different with direct connections.
    fn directly(&mut self, rng: &mut Rng, parts: &mut [Part]) {
        for part in parts {
            part.reach = match rng.within(0..100) {
                0..80 => Reach::Open,
                80..90 => Reach::Firewall,
                _ => Reach::Proxy,
            };
        }
        for _ in 0..rng.within(2..8) {
            let at = rng.within(300..CALM - 500);
            self.strike_direct(rng, at);
        }
    }

    fn strike_direct(&mut self, rng: &mut Rng, at: Millis) {
        let process = rng.index(self.processes);
        let longest = rng.pick(&[60, 400, self.session, 2 * self.session]);
        let end = (at + rng.within(10..longest)).min(CALM);
        let direct = Fault::Direct;
        match rng.within(0..100) {
            0..20 => {
                for again in 0..rng.within(1..4) {
                    let at = at + again * rng.within(1..200);
                    self.add(at, direct(DirectFault::Sever(process)));
                }
            }
            20..35 => self.add(at, direct(DirectFault::SeverAll)),
            35..50 => {
                let part = direct(DirectFault::Part(process));
                let join = direct(DirectFault::Join(process));
                self.pass(at, end, part, join);
            }
            // The network is cut, not a way of it.
            50..60 => {
                for server in 0..self.servers {
                    self.add(at, Fault::Cut(process, server));
                }
                self.add(end, Fault::Heal(process));
                let part = direct(DirectFault::Part(process));
                let join = direct(DirectFault::Join(process));
                self.pass(at, end, part, join);
            }
            60..70 => {
                let slow = direct(DirectFault::Slow(process, rng.within(20..500)));
                let usual = direct(DirectFault::Slow(process, 0));
                self.pass(at, end, slow, usual);
            }
            // A goodbye overtakes the last beat in ZooKeeper.
            70..78 => {
                let slow = Fault::Slow(process, rng.within(20..500));
                self.pass(at, end, slow, Fault::Slow(process, 0));
            }
            78..86 => self.add(at, Fault::Vanish(process)),
            86..93 => self.add(at, Fault::Kill(process)),
            _ => {
                self.add(at, Fault::Expire(process));
                let at = at + rng.within(100..1000);
                self.add(at, direct(DirectFault::Stranger(process)));
            }
        }
    }

    fn strike(&mut self, rng: &mut Rng, at: Millis) {
        let process = rng.index(self.processes);
        let server = rng.index(self.servers);
        // Some are over before anybody notices, some outlast every session.
        let longest = rng.pick(&[60, 400, self.session, 2 * self.session]);
        let end = (at + rng.within(10..longest)).min(CALM);
        match rng.within(0..100) {
            0..18 => self.pass(at, end, Fault::Pause(process), Fault::Resume(process)),
            18..30 => {
                for server in 0..self.servers {
                    self.add(at, Fault::Cut(process, server));
                }
                self.add(end, Fault::Heal(process));
            }
            30..35 => {
                let cut = Fault::Cut(process, server);
                self.pass(at, end, cut, Fault::Heal(process));
            }
            35..45 => self.add(at, Fault::Kill(process)),
            45..53 => {
                for again in 0..rng.within(1..4) {
                    let at = at + again * rng.within(1..200);
                    self.add(at, Fault::Reset(process));
                }
            }
            53..60 => self.add(at, Fault::Expire(process)),
            60..65 => {
                let by = rng.pick(&[-3_600_000, -5000, -300, 300, 5000, 3_600_000]);
                self.add(at, Fault::Jump(process, by));
            }
            65..72 => {
                let slow = Fault::Slow(process, rng.within(20..500));
                self.pass(at, end, slow, Fault::Slow(process, 0));
            }
            72..78 => self.pass(at, end, Fault::Down(server), Fault::Up(server)),
            78..82 => {
                for server in 0..self.servers {
                    self.pass(at, end, Fault::Down(server), Fault::Up(server));
                }
            }
            82..88 => {
                self.pass(at, end, Fault::Isolate(server), Fault::Rejoin(server));
                self.add(at + rng.within(100..1500), Fault::GiveUp(server));
            }
            88..91 => {
                let lag = Fault::Lag(server, rng.within(50..600));
                self.pass(at, end, lag, Fault::Lag(server, 0));
            }
            91..96 => self.pass(at, end, Fault::Stall, Fault::GoOn),
            96..98 => self.add(at, Fault::Depose),
            _ => self.add(at, Fault::Clutter),
        }
    }
}
