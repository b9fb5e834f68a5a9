//! Thousands of runs, each made by its seed alone.
//!
//! `HEARTLINE_SEED=7 cargo test --test simulation seeds -- --nocapture` runs one again and tells all
//! that happens in it; `HEARTLINE_SEEDS=20000` runs more of them.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use crate::chance;

/// The default number of seeds.
const SEEDS: u64 = 2000;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}

/// What is wrong with the run of a seed.
fn fails(seed: u64, verbose: bool) -> Option<String> {
    let mut scenario = chance::scenario(seed);
    scenario.verbose = verbose;
    let broken = match catch_unwind(AssertUnwindSafe(|| scenario.run())) {
        Ok(outcome) => outcome.broken,
        Err(_) => vec!["the run itself panics".to_owned()],
    };
    (!broken.is_empty()).then(|| broken.join("\n  "))
}

#[test]
fn seeds_break_no_rule() {
    if let Some(seed) = number("HEARTLINE_SEED") {
        let wrong = fails(seed, true);
        assert!(wrong.is_none(), "seed {seed}:\n  {}", wrong.unwrap());
        return;
    }
    let seeds = number("HEARTLINE_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let failed: Vec<(u64, String)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut failed = Vec::new();
                    loop {
                        let seed = next.fetch_add(1, Relaxed);
                        if seed >= seeds {
                            return failed;
                        }
                        failed.extend(fails(seed, false).map(|wrong| (seed, wrong)));
                    }
                })
            })
            .collect();
        let joined = workers.into_iter();
        joined
            .flat_map(|worker| worker.join().expect("a worker"))
            .collect()
    });
    let lines: Vec<String> = failed
        .iter()
        .take(20)
        .map(|(seed, wrong)| {
            format!(
                "seed {seed} (HEARTLINE_SEED={seed} cargo test --test simulation seeds -- --nocapture):\n  {wrong}\n"
            )
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {seeds} seeds:\n{}",
        failed.len(),
        lines.concat()
    );
}

/// A seed that did not give the same run twice would be of no use.
#[test]
fn a_seed_gives_the_same_run_again() {
    for seed in 0..5 {
        let scenario = chance::scenario(seed);
        let [one, two] = [scenario.run(), scenario.run()];
        assert_eq!(one.history.reported, two.history.reported, "seed {seed}");
        let ended = |history: &crate::history::History| format!("{history:?}");
        assert_eq!(ended(&one.history), ended(&two.history), "seed {seed}");
    }
}
