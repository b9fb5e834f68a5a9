//! Each message for people has its entry in `docs/troubleshooting.md`, and each entry there is of a message.
//!
//! A message is found where it is printed or becomes an error, by its literal: the longest run of fixed words in it must stand
//! in the page. Messages that a variable carries are found where they are formed, in the files of [`FORMED`].

use std::fs;
use std::path::Path;

use crate::support::{Parts, sources};

const PAGE: &str = "docs/troubleshooting.md";

/// What prints a message, or makes it an error.
const PRINTED: [&str; 6] = [
    "#[error(",
    "say(",
    "bail!(",
    "anyhow!(",
    ".context(",
    ".with_context(",
];

/// Files and folders in which every formatted text is a message, or part of one.
const FORMED: [&str; 8] = [
    "crates/zookeeper/src/diagnosis.rs",
    "crates/zookeeper/src/age.rs",
    "crates/zookeeper/src/access.rs",
    "crates/tls/src",
    "crates/process/src/files/secret.rs",
    "crates/member/src/reporting.rs",
    "crates/member/src/session",
    "crates/recipes/src/commit",
];

/// What forms a text.
const FORMS: [&str; 3] = ["format!(", "format_args!(", "write!("];

/// Files with texts that are no messages, and why.
const NONE: [(&str, &str); 2] = [
    ("crates/observe/src/status/details.rs", "rows of a table"),
    ("crates/core/src/protocol/status.rs", "values of znodes"),
];

/// What is no complaint, or stands in other documentation: its fixed words, and why.
const LEFT: [(&str, &str); 23] = [
    ("asking the master to end", "heartline top: what it does"),
    ("was not ended", "heartline top: what a person chose"),
    ("sorted by", "heartline top: what it does"),
    ("on behalf of", "the beginning of a reason"),
    ("heartline serve", "the name of a program"),
    ("is written", "what was done"),
    ("files for", "what was done"),
    ("recording", "what it does"),
    ("has left", "an event of a node"),
    ("lives again", "an event of a node"),
    ("listening on", "what it does"),
    ("has the claim and works;", "what it does"),
    ("no certificate is in the last third", "what was found"),
    ("write a duration as", "wrong usage"),
    ("is no value for", "wrong usage"),
    ("is not UTF-8", "wrong usage"),
    ("may have only letters, digits", "wrong usage"),
    ("does not go with --tls-ca", "wrong usage"),
    ("needs --tls-c", "wrong usage"),
    ("is the name of a certificate, and needs", "wrong usage"),
    ("--secret-file", "the option before a reason"),
    ("--public-key", "the option before a reason"),
    ("the certificate ", "the name of an identity"),
];

/// Fewer characters than that, or one word, are no words to look for.
const SHORTEST: usize = 8;

/// A string literal at the beginning of a text behind its quote: what it says, without line breaks of the source.
fn literal(text: &str) -> String {
    let mut said = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('\n') => while characters.next_if(|c| c.is_whitespace()).is_some() {},
                Some('n') => said.push('\n'),
                Some(other) => said.push(other),
                None => break,
            },
            other => said.push(other),
        }
    }
    said
}

/// The messages of a source text that stand as a literal behind one of the `markers`.
fn messages(text: &str, markers: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for marker in markers {
        for (place, _) in text.match_indices(marker) {
            let rest = &text[place + marker.len()..];
            let Some(quote) = rest.find('"') else {
                continue;
            };
            // Before the literal: the program's name, or what forms it.
            let is_before = |c: char| c.is_alphanumeric() || " \n_.,&!(|".contains(c);
            if quote < 120 && rest[..quote].chars().all(is_before) {
                found.push(literal(&rest[quote + 1..]));
            }
        }
    }
    found
}

/// The longest run of fixed words in a message, between its places.
fn fixed_words(message: &str) -> &str {
    let runs = message.split(['{', '}', '\n', '`']);
    // Between an opening and a closing brace stands a name or a format.
    let is_place = |run: &&str| run.len() < 40 && !run.contains(' ');
    let runs = runs.filter(|run| !is_place(run));
    let runs =
        runs.map(|run| run.trim_matches(|c: char| c.is_whitespace() || ",;:'\"".contains(c)));
    runs.max_by_key(|run| run.len()).unwrap_or_default()
}

/// The code of a source file, without comments and tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The sources of all programs with their paths from the root, except what only tests need.
fn programs() -> Vec<(String, String)> {
    let root = Parts::root();
    let crates = fs::read_dir(root.join("crates")).expect("the crates");
    let folders = crates.map(|entry| entry.expect("an entry").path().join("src"));
    let files = folders
        .chain([root.join("src")])
        .flat_map(|folder| sources(&folder));
    let of_tests = ["tests.rs", "fuzzing.rs", "testing.rs", "sample.rs"];
    let files = files.filter(|path| {
        let is_below = path.components().any(|part| part.as_os_str() == "tests");
        !is_below && !of_tests.iter().any(|name| path.ends_with(name))
    });
    files
        .map(|path| {
            let name = path.strip_prefix(root).expect("below the root");
            (name.display().to_string(), code(&path))
        })
        .collect()
}

fn page() -> String {
    fs::read_to_string(Parts::root().join(PAGE)).expect("the page")
}

#[test]
fn each_message_has_its_entry() {
    let page = page();
    let mut missing = Vec::new();
    let mut unused: Vec<&str> = LEFT.iter().map(|(left, _)| *left).collect();
    let mut count = 0;
    for (name, text) in programs() {
        if NONE.iter().any(|(none, _)| *none == name) {
            continue;
        }
        let mut all = messages(&text, &PRINTED);
        if FORMED.iter().any(|formed| name.starts_with(formed)) {
            all.extend(messages(&text, &FORMS));
        }
        for message in all {
            let words = fixed_words(&message);
            if words.len() < SHORTEST || !words.contains(' ') {
                continue;
            }
            count += 1;
            unused.retain(|left| !message.contains(left));
            let is_left = LEFT.iter().any(|(left, _)| message.contains(left));
            if !is_left && !page.contains(words) {
                missing.push(format!("{name}: {message}"));
            }
        }
    }
    assert!(unused.is_empty(), "no message has these words: {unused:?}");
    assert!(count > 200, "only {count} messages were found");
    assert!(
        missing.is_empty(),
        "give each an entry in {PAGE}, or a reason in LEFT: {missing:#?}"
    );
}

#[test]
fn each_entry_is_of_a_message() {
    let sources: Vec<String> = programs()
        .into_iter()
        .map(|(_, text)| {
            // A literal over several lines is one text.
            let lines = text.split("\\\n").enumerate();
            let joined =
                lines.map(|(place, line)| if place == 0 { line } else { line.trim_start() });
            joined.collect::<String>().replace("\\\"", "\"")
        })
        .collect();
    let page = page();
    let entries = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split("` |").next());
    let mut stale = Vec::new();
    let mut count = 0;
    for entry in entries {
        count += 1;
        let runs = entry.split(['…', '{', '}']).map(str::trim);
        let words = runs.max_by_key(|run| run.len()).unwrap_or_default();
        let words = words.trim_matches(|c: char| ",;:'()".contains(c));
        assert!(words.len() > 5, "{entry}: too short to be looked for");
        if !sources.iter().any(|text| text.contains(words)) {
            stale.push(format!("{entry}: {words}"));
        }
    }
    assert!(count > 150, "only {count} entries were found");
    assert!(
        stale.is_empty(),
        "no program says that any more: {stale:#?}"
    );
}

#[test]
fn a_message_is_found_by_its_fixed_words() {
    let text = "say(PROGRAM, format_args!(\"cannot read {path}: \\\n    {error}; going on\"));\n\
                #[error(\"it is {0}\")]\nself.say(what);";
    let found = messages(text, &PRINTED);
    assert_eq!(
        found,
        ["it is {0}", "cannot read {path}: {error}; going on"]
    );
    assert_eq!(fixed_words(&found[1]), "cannot read");
    assert_eq!(fixed_words("{} is not, and {more:?} are"), "is not, and");
    assert_eq!(fixed_words("{0}"), "");
}
