//! The walls between the modules of the library: imports point down, and decisions know neither clock nor IO.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Parts, sources};

/// All modules: each may import those before it, and no other. `ARCHITECTURE.md` says what each of them is.
const ORDER: [&str; 31] = [
    "clock",
    "detect",
    "files",
    "probe",
    "stdio",
    "template",
    "text",
    "condition",
    "say",
    "protocol",
    "supervisor",
    "coordination",
    "master",
    "streaming",
    "umbilical",
    "setup",
    "vitals",
    "watch",
    "wrapped",
    "member",
    "cli",
    "admin",
    "dedicated_master",
    "events",
    "membership",
    "nodes",
    "status",
    "commit",
    "zkstats",
    "cluster",
    "run",
];

/// Decisions: time and events go in, actions come out.
const PURE: [&str; 4] = ["detect", "condition", "protocol", "master"];

/// What a decision must not know.
const IMPURE: [&str; 8] = [
    "tokio",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime",
];

/// Whether a file is only compiled for tests.
fn is_of_tests(path: &Path) -> bool {
    let only = ["tests.rs", "fuzzing.rs", "testing.rs", "sample.rs"];
    only.iter().any(|name| path.ends_with(name))
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// The code of a module, without comments and without the tests at the end of a file.
fn code(module: &str) -> Vec<(PathBuf, String)> {
    let src = Parts::root().join("src");
    let mut files = Vec::new();
    let single = src.join(format!("{module}.rs"));
    if single.exists() {
        files.push(single);
    }
    if src.join(module).is_dir() {
        files.extend(sources(&src.join(module)));
    }
    assert!(!files.is_empty(), "no module is called {module}");
    files.retain(|path| !is_of_tests(path.strip_prefix(&src).expect("below src")));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        let text = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        let lines = text
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default());
        (path, lines.collect::<Vec<_>>().join("\n"))
    };
    files.into_iter().map(read).collect()
}

/// The names behind each `crate::` in a text, also in `crate::{one, other::Type}`.
fn imported(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            for part in list.split_inclusive([',', '{', '}']) {
                if depth == 0 {
                    names.insert(first_word(part.trim_start()));
                }
                depth += part.matches('{').count();
                if part.ends_with('}') {
                    if depth == 0 {
                        break;
                    }
                    depth -= 1;
                }
            }
        } else {
            names.insert(first_word(rest));
        }
    }
    // Behind the braces of an inner list.
    names.remove("");
    names
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let map = fs::read_to_string(Parts::root().join("src/lib.rs")).expect("the map");
    let modules: BTreeSet<&str> = map
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(modules, BTreeSet::from(ORDER));
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (place, module) in ORDER.iter().enumerate() {
        let above = &ORDER[place + 1..];
        for (path, text) in code(module) {
            let names = imported(&text);
            let up = above.iter().filter(|other| names.contains(**other));
            wrong.extend(up.map(|other| format!("{}: crate::{other}", path.display())));
        }
    }
    assert!(
        wrong.is_empty(),
        "these imports point up; move what both need into a module below: {wrong:#?}"
    );
}

#[test]
fn decisions_know_neither_clock_nor_io() {
    let mut wrong = Vec::new();
    for module in PURE {
        for (path, text) in code(module) {
            let found = IMPURE.iter().filter(|name| text.contains(**name));
            wrong.extend(found.map(|name| format!("{}: {name}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "hand it in as a value: {wrong:#?}");
}

#[test]
fn only_coordination_knows_the_zookeeper_client() {
    let others = ORDER.iter().filter(|module| **module != "coordination");
    let texts = others.flat_map(|module| code(module));
    let wrong: Vec<_> = texts
        .filter(|(_, text)| text.contains("zookeeper_client"))
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "use coordination::Session: {wrong:#?}");
}

#[test]
fn a_list_of_imports_is_understood() {
    let text =
        "use crate::{clock::Now, detect::{Detector, Rule}, text};\nlet a = crate::say::say();";
    let names = ["clock", "detect", "say", "text"];
    assert_eq!(imported(text), BTreeSet::from(names));
}
