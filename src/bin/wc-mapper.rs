//! `wc-mapper`: writes `word<TAB>1` for every word on stdin, with a heartbeat.

use std::process::ExitCode;

use heartline::cli;
use heartline::programs::WcMapperArgs;

fn main() -> ExitCode {
    cli::parse::<WcMapperArgs>().run()
}
