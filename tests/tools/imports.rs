//! The walls between the crates and between their modules: imports point down, and decisions know neither clock nor IO.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Parts, sources};

/// All crates below `crates/`, and which of the others each may import. Cargo refuses circles; this refuses imports that
/// would make sense to Cargo alone. `ARCHITECTURE.md` says what each of them is.
const CRATES: [(&str, &[&str]); 15] = [
    ("core", &[]),
    ("kerberos", &["core"]),
    ("process", &["core"]),
    ("tls", &["process"]),
    ("exporter", &["process", "tls"]),
    ("transport", &["core"]),
    ("zookeeper", &["core", "kerberos", "process", "tls"]),
    ("streaming", &["core", "process"]),
    (
        "member",
        &["core", "process", "streaming", "transport", "zookeeper"],
    ),
    (
        "cli",
        &["core", "member", "process", "streaming", "zookeeper"],
    ),
    (
        "observe",
        &["cli", "core", "kerberos", "process", "tls", "zookeeper"],
    ),
    (
        "dashboard",
        &["cli", "core", "exporter", "observe", "process", "zookeeper"],
    ),
    (
        "recipes",
        &["cli", "core", "member", "process", "streaming", "zookeeper"],
    ),
    (
        "nodes",
        &[
            "cli",
            "core",
            "exporter",
            "member",
            "process",
            "tls",
            "zookeeper",
        ],
    ),
    (
        "cluster",
        &[
            "cli",
            "core",
            "kerberos",
            "nodes",
            "observe",
            "process",
            "streaming",
            "zookeeper",
        ],
    ),
];

/// The modules of the crates that have several: each may import those before it.
const MODULES: [(&str, &[&str]); 4] = [
    (
        "core",
        &[
            "backoff",
            "clock",
            "detect",
            "template",
            "text",
            "condition",
            "protocol",
            "master",
        ],
    ),
    (
        "process",
        &[
            "files",
            "progress",
            "stdio",
            "say",
            "off_thread",
            "service",
            "supervisor",
            "vitals",
            "wrapped",
        ],
    ),
    (
        "observe",
        &[
            "probe", "setup", "watch", "admin", "events", "status", "wait", "zkstats", "doctor",
        ],
    ),
    ("recipes", &["membership", "commit"]),
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

/// The code of a crate's module, without comments and without the tests at the end of a file.
fn code(krate: &str, module: &str) -> Vec<(PathBuf, String)> {
    let src = Parts::root().join("crates").join(krate).join("src");
    let mut files = Vec::new();
    let single = src.join(format!("{module}.rs"));
    if single.exists() {
        files.push(single);
    }
    if src.join(module).is_dir() {
        files.extend(sources(&src.join(module)));
    }
    assert!(!files.is_empty(), "no module of {krate} is called {module}");
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

/// The names of the packages that a crate needs, except for its tests.
fn dependencies(krate: &str) -> BTreeSet<String> {
    let path = Parts::root().join("crates").join(krate).join("Cargo.toml");
    let text = fs::read_to_string(path).expect("a manifest");
    let (_, rest) = text.split_once("[dependencies]").expect("dependencies");
    let lines = rest
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ']).next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
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
fn every_crate_has_its_place_and_a_readme() {
    let crates = Parts::root().join("crates");
    let there = fs::read_dir(&crates).expect("the crates");
    let there: BTreeSet<String> = there
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let expected = CRATES.map(|(krate, _)| krate.to_owned());
    assert_eq!(there, BTreeSet::from(expected));
    for krate in there {
        let readme = fs::read_to_string(crates.join(&krate).join("README.md"));
        let readme = readme.unwrap_or_default();
        for part in ["**May import**", "**Never**", "**Begin with**"] {
            assert!(readme.contains(part), "{krate}: its README lacks {part}");
        }
    }
}

#[test]
fn crates_import_what_they_may() {
    for (krate, may) in CRATES {
        let ours: BTreeSet<String> = dependencies(krate)
            .iter()
            .filter_map(|name| Some(name.strip_prefix("heartline-")?.to_owned()))
            .collect();
        let may = may.iter().copied().map(str::to_owned).collect();
        assert_eq!(ours, may, "{krate}: ARCHITECTURE.md, section 2");
    }
}

#[test]
fn every_module_has_its_place_in_the_order() {
    for (krate, order) in MODULES {
        let path = format!("crates/{krate}/src/lib.rs");
        let map = fs::read_to_string(Parts::root().join(path)).expect("the map");
        let modules: BTreeSet<&str> = map
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
            .collect();
        assert_eq!(modules, order.iter().copied().collect(), "{krate}");
    }
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (krate, order) in MODULES {
        for (place, module) in order.iter().enumerate() {
            let above = &order[place + 1..];
            for (path, text) in code(krate, module) {
                let names = imported(&text);
                let up = above.iter().filter(|other| names.contains(**other));
                wrong.extend(up.map(|other| format!("{}: crate::{other}", path.display())));
            }
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
        for (path, text) in code("core", module) {
            // An address is a value.
            let text = text.replace("use std::net::SocketAddr;", "");
            let found = IMPURE.iter().filter(|name| text.contains(**name));
            wrong.extend(found.map(|name| format!("{}: {name}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "hand it in as a value: {wrong:#?}");
}

#[test]
fn only_those_above_the_member_know_command_lines() {
    for krate in ["core", "process", "tls", "zookeeper", "streaming", "member"] {
        let knows = dependencies(krate).contains("clap");
        assert!(!knows, "{krate}: put the options into crates/cli");
    }
}

#[test]
fn only_one_crate_knows_the_zookeeper_client() {
    for (krate, _) in CRATES {
        let knows = dependencies(krate).contains("zookeeper-client");
        assert_eq!(knows, krate == "zookeeper", "{krate}: use its Connector");
    }
}

#[test]
fn a_list_of_imports_is_understood() {
    let text =
        "use crate::{clock::Now, detect::{Detector, Rule}, text};\nlet a = crate::say::say();";
    let names = ["clock", "detect", "say", "text"];
    assert_eq!(imported(text), BTreeSet::from(names));
}
