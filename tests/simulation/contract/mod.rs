//! One contract for the simulated ZooKeeper and the real one: the same operations have the same
//! answers. A simulation proves nothing about an ensemble that nobody has.

mod script;
mod steps;

use std::time::Duration;

use tokio::runtime::Builder;

use crate::history::History;
use crate::rng::Rng;
use crate::support::ZooKeeper;
use crate::world::process::{Around, Draw};
use crate::world::{Weather, World};
use heartline::coordination::{Opener, RealServers};
use script::Script;

/// How many random scripts are compared.
const RANDOM: u64 = 60;

/// The story of a script over the simulated ensemble: all answers, one a line.
fn simulated(script: &Script, weather: &Weather) -> Vec<String> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let world = World::new(weather.clone(), Rng::new(1), History::new(0, false));
        tokio::spawn(world.clone().turn());
        let around = Around {
            process: world.process(),
            world,
            wrap: None,
            wrap_transport: None,
            draw: Draw::Fresh,
        };
        let settings = script::settings("127.0.0.1:1");
        script
            .play(async || around.open(&settings).await.expect("a session"))
            .await
    })
}

/// The same over a real server.
fn real(script: &Script, zookeeper: &ZooKeeper) -> Vec<String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let settings = script::settings(&zookeeper.address());
        let open = async || {
            RealServers
                .open(&settings)
                .await
                .expect("the server answers")
        };
        let story = script.play(open).await;
        script::clean(open().await).await;
        story
    })
}

fn weathers() -> [Weather; 2] {
    let one = Weather {
        servers: 1,
        delay: 0,
        lag: 0,
        cleanup_delay: 0,
    };
    // Behind a `sync` a lagging server has to give the same answers.
    let lagging = Weather {
        servers: 3,
        delay: 5,
        lag: 20,
        cleanup_delay: 0,
    };
    [one, lagging]
}

fn compare(script: &Script, zookeeper: &ZooKeeper) {
    let wanted = real(script, zookeeper);
    for weather in weathers() {
        let story = simulated(script, &weather);
        let name = &script.name;
        let differs = wanted.iter().zip(&story).position(|(one, two)| one != two);
        if let Some(at) = differs {
            panic!(
                "{name}, step {at}, {} servers\n real: {}\n  sim: {}\nbefore: {:#?}",
                weather.servers,
                wanted[at],
                story[at],
                &wanted[at.saturating_sub(6)..at]
            );
        }
        assert_eq!(wanted.len(), story.len(), "{name}");
    }
}

#[test]
fn the_simulated_zookeeper_answers_as_the_real_one_does() {
    let zookeeper = ZooKeeper::start();
    for script in steps::all() {
        compare(&script, &zookeeper);
    }
    for seed in 0..RANDOM {
        compare(&Script::random(seed), &zookeeper);
    }
}

/// How long anything may take in a contract.
const LIMIT: Duration = Duration::from_secs(10);
