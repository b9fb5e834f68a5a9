//! Every parser of bytes from other programs, on the fixed corpus `tests/corpus/` and on some thousand changed copies
//! of it: the same functions as in the fuzz targets, which run for longer (`scripts/fuzz`).

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, Once};
use std::thread;

use crate::fuzz::{READERS, Reader};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of changed copies for each parser; fewer if each one takes long.
const COPIES: usize = 10_000;
const COPIES_OF_SLOW: usize = 1_000;
const SLOW: &[&str] = &[
    "cluster_description",
    "combine",
    "map_words",
    "nodes_fields",
    "nodes_key",
    "nodes_message",
    "nodes_seal",
    "nodes_signature",
    "recording",
    "secret",
    "status",
    "workers",
];

/// The longest changed copy, in bytes: longer samples that matter are in the corpus itself.
const LONGEST: usize = 4096;

/// The memory limit, in bytes: no parser needs as much for the corpus. A parser that trusts a false length exceeds it.
const MEMORY: u64 = 1 << 30;

/// Numbers at the end of a range, or one beyond it.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "127",
    "255",
    "65536",
    "2147483648",
    "4294967295",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e999",
    "NaN",
    "-262143-01-01T00:00:00Z",
    "+262142-12-31T23:59:60Z",
];

/// Words that begin, end or control something.
const TOKENS: &[&str] = &[
    "\n",
    "\r",
    "\0",
    "\t",
    " ",
    ": ",
    ",",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "/",
    "../",
    "=",
    "-",
    "\u{1b}[2J",
    "\u{9b}1m",
    "\u{202e}",
    "é",
    "\u{feff}",
    "0x",
    "us",
];

fn folder(reader: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/corpus").join(reader)
}

/// A parser's samples with their names, ordered by name.
fn samples(reader: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder(reader)).unwrap_or_else(|why| panic!("{reader}: {why}"));
    let mut samples: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").display().to_string();
            (name, fs::read(&path).expect("a sample"))
        })
        .collect();
    samples.sort();
    samples
}

/// Limits the memory: an allocation beyond the limit ends the process with a message.
fn limit_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = getrlimit(Resource::Data);
        let limit = Rlimit {
            current: Some(before.current.map_or(MEMORY, |known| known.min(MEMORY))),
            ..before
        };
        setrlimit(Resource::Data, limit).expect("less is allowed to everybody");
    });
}

/// Whether the parser keeps its promises for these bytes.
fn holds(reader: fn(&[u8]), bytes: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| reader(bytes))).is_ok()
}

/// Runs `work` for each parser, several at once; `work` returns the names of the failed samples.
fn each_reader(work: impl Fn(&Reader) -> Vec<String> + Sync) {
    limit_memory();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = thread::available_parallelism().map_or(2, |count| count.get().clamp(1, 4));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(reader) = READERS.get(next.fetch_add(1, Relaxed)) {
                    let found = work(reader);
                    failed.lock().expect("nobody panics with it").extend(found);
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panics with it");
    assert!(
        failed.is_empty(),
        "not read as promised:\n{}",
        failed.join("\n")
    );
}

#[test]
fn the_corpus_is_read() {
    each_reader(|(name, reader)| {
        let samples = samples(name).into_iter();
        let failed = samples.filter(|(_, bytes)| !holds(*reader, bytes));
        failed
            .map(|(sample, _)| format!("tests/corpus/{name}/{sample}"))
            .collect()
    });
}

/// Times are shown in the local time zone, in which the first and the last year begin and end at other moments.
#[test]
fn the_corpus_is_read_in_other_time_zones() {
    for zone in ["CET-1CEST,M3.5.0,M10.5.0/3", "<-12>12", "<+14>-14"] {
        let output = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "corpus::the_corpus_is_read"])
            .env("TZ", zone)
            .output()
            .expect("it runs once more");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{zone}: {said}");
        assert!(said.contains("1 passed"), "{zone}: {said}");
    }
}

#[test]
fn changed_copies_of_the_corpus_are_read() {
    each_reader(|(name, reader)| {
        let samples = samples(name);
        let copies = if SLOW.contains(name) {
            COPIES_OF_SLOW
        } else {
            COPIES
        };
        // The same copies in each run.
        let seed = name
            .bytes()
            .fold(1, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
        let mut chance = Chance(seed);
        let copies = (0..copies).map(|_| chance.copy(&samples));
        // One failure of each parser is enough to continue with.
        let failed = copies.filter(|bytes| !holds(*reader, bytes)).take(1);
        failed
            .map(|bytes| format!("{name}: b\"{}\"", bytes.escape_ascii()))
            .collect()
    });
}

#[test]
fn each_reader_has_a_fuzz_target_and_samples() {
    let readers: BTreeSet<String> = READERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root.join(folder)).expect("a folder");
        let stem = |entry: fs::DirEntry| {
            entry
                .path()
                .file_stem()
                .map(|stem| stem.display().to_string())
        };
        entries.flatten().filter_map(stem).collect()
    };
    assert_eq!(names("tests/corpus"), readers);
    assert_eq!(names("fuzz/fuzz_targets"), readers);
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).expect("a manifest");
    for name in &readers {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
        let target = format!("fuzz/fuzz_targets/{name}.rs");
        let target = fs::read_to_string(root.join(target)).expect("a target");
        assert!(
            target.contains(&format!("read(\"{name}\", bytes)")),
            "{name}"
        );
        assert!(samples(name).len() > 1, "{name}");
    }
}

/// Pseudo-random numbers, the same in each run (`splitmix64`).
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.number() % most.max(1) as u64).expect("it is below a length")
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// Two random positions in this many bytes, the lower one first.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let (one, other) = (self.below(length + 1), self.below(length + 1));
        one.min(other)..one.max(other)
    }

    /// A sample with some changes.
    fn copy(&mut self, samples: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = samples[self.below(samples.len())].1.clone();
        bytes.truncate(LONGEST);
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, samples);
            bytes.truncate(LONGEST);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, samples: &[(String, Vec<u8>)]) {
        let at = self.below(bytes.len() + 1);
        let random = self.number().to_le_bytes()[0];
        match self.below(9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(self.range(bytes.len()))),
            2 => bytes.insert(at, random),
            3 if at < bytes.len() => bytes[at] = random,
            4 if at < bytes.len() => bytes[at] ^= 1 << (random % 8),
            5 => {
                let again = bytes[self.range(bytes.len())].to_vec();
                drop(bytes.splice(at..at, again));
            }
            6 => {
                let other = &samples[self.below(samples.len())].1;
                let part = other[self.range(other.len())].to_vec();
                drop(bytes.splice(at..at, part));
            }
            7 => {
                // Replaces a number, if there is one.
                let digit = |byte: &u8| byte.is_ascii_digit();
                let begin = bytes[at..]
                    .iter()
                    .position(digit)
                    .map_or(at, |far| at + far);
                let length = bytes[begin..].iter().take_while(|byte| digit(byte)).count();
                let number = self.one(NUMBERS).bytes();
                drop(bytes.splice(begin..begin + length, number));
            }
            _ => {
                let token = self.one(TOKENS).bytes();
                drop(bytes.splice(at..at, token));
            }
        }
    }
}
