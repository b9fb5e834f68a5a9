//! `wc-reducer`: sums a sorted stream of `key<TAB>count`.

use std::process::ExitCode;

use heartline::cli;
use heartline::programs::WcReducerArgs;

fn main() -> ExitCode {
    cli::parse::<WcReducerArgs>().run()
}
