//! The options of the data path of `wc-mapper`.

use bytesize::ByteSize;
use clap::builder::FalseyValueParser;
use heartline_process::progress::Progress;
use heartline_streaming::{StreamError, map_combined, map_words};
use std::io::{Read, Write};
use std::time::Duration;

/// Bytes of `--combine-memory` that the program itself needs: code, stacks and the heartbeat.
const PROGRAM: u64 = 9 * 1024 * 1024;

/// The smallest `--combine-memory`: with less, almost no memory would be left for the sums.
const LEAST: u64 = 10 * 1024 * 1024;

/// The mapper's options.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Words")]
pub struct WordArgs {
    /// Sum words in memory and write lines of a word and its sum, instead of a line for each occurrence
    ///
    /// The reducer gets the same sums from far fewer lines. A word may still be written more than once.
    #[arg(long, env = "HEARTLINE_COMBINE", value_parser = FalseyValueParser::new())]
    combine: bool,

    /// Maximum memory of the program with --combine: when it is full, the sums are written, and start again at zero
    #[arg(
        long,
        value_name = "SIZE",
        env = "HEARTLINE_COMBINE_MEMORY",
        default_value = "256MiB",
        value_parser = parse_memory
    )]
    combine_memory: ByteSize,

    /// Pause this long after each input line, so that heartbeats can be watched on a small input [such as 10us]
    #[arg(long, value_name = "DURATION", env = "HEARTLINE_LINE_DELAY", value_parser = parse_delay)]
    line_delay: Option<Duration>,
}

impl WordArgs {
    /// Maps `input` to `output` as the options say.
    pub fn run(
        &self,
        input: &mut impl Read,
        output: &mut impl Write,
        progress: &Progress,
    ) -> Result<(), StreamError> {
        if !self.combine {
            return map_words(input, output, progress, self.line_delay);
        }
        let memory = self.combine_memory.as_u64().saturating_sub(PROGRAM);
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        map_combined(input, output, progress, memory, self.line_delay)
    }
}

fn parse_memory(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| "write a number and a unit, such as 64MiB or 1GiB".to_owned())?;
    if size.as_u64() < LEAST {
        return Err(format!(
            "not enough memory to work with: write at least {}",
            ByteSize::b(LEAST)
        ));
    }
    Ok(size)
}

fn parse_delay(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}: write a number and a unit, such as 10us or 2ms"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        words: WordArgs,
    }

    fn parse(line: &str) -> Result<WordArgs, String> {
        let words = line.split_whitespace();
        Program::try_parse_from(words)
            .map(|program| program.words)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_write_each_word() {
        let words = parse("wc-mapper").unwrap();
        assert!(!words.combine);
        assert_eq!(words.combine_memory, ByteSize::mib(256));
        assert_eq!(words.line_delay, None);
    }

    #[test]
    fn sizes_and_delays_have_units() {
        let words = parse("wc-mapper --combine --combine-memory 64MiB --line-delay 10us").unwrap();
        assert!(words.combine);
        assert_eq!(words.combine_memory, ByteSize::mib(64));
        assert_eq!(words.line_delay, Some(Duration::from_micros(10)));
    }

    #[test]
    fn nonsense_is_answered_with_what_to_write() {
        for (line, answer) in [
            ("wc-mapper --combine-memory lots", "such as 64MiB"),
            ("wc-mapper --combine-memory 1MiB", "at least 10.0 MiB"),
            ("wc-mapper --combine-memory 7", "at least 10.0 MiB"),
            ("wc-mapper --line-delay 10", "such as 10us"),
            ("wc-mapper --line-delay soon", "such as 10us"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(answer), "{line}: {error}");
        }
    }
}
