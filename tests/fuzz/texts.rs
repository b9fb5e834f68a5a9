//! Options, descriptions and secrets, written by people or by their programs.

use std::path::Path;
use std::time::Duration;

use heartline::cluster::{self, HostKind};
use heartline::condition::StallTimeout;
use heartline::coordination::{Address, Namespace};
use heartline::member::Name;
use heartline::nodes::auth::Secret;
use heartline::protocol::Split;
use heartline::template::Template;

/// Servers and paths are parsed back from their shown form.
pub(super) fn address(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(address) = text.parse::<Address>() {
        assert!(!address.servers().is_empty());
        assert_eq!(address.to_string().parse(), Ok(address.clone()));
    }
    if let Ok(namespace) = text.parse::<Namespace>() {
        let shown = namespace.to_string();
        assert_eq!(namespace.ancestry().last().unwrap_or_default(), shown);
        let below = namespace.below(&namespace).to_string();
        assert_eq!(below, format!("{shown}{shown}"));
    }
}

/// Names, durations, splits, and commands with placeholders.
pub(super) fn options(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(name) = text.parse::<Name>() {
        assert_eq!(name.as_ref(), text);
        assert!(!text.contains('/'));
    }
    if let Ok(split) = text.parse::<Split>() {
        assert_eq!(split.to_string().parse(), Ok(split));
    }
    if let Ok(stall_timeout) = text.parse::<StallTimeout>() {
        let again = stall_timeout.to_string().parse();
        let is_short =
            |it| matches!(it, StallTimeout::After(after) if after < Duration::from_secs(1 << 40));
        assert!(
            again == Ok(stall_timeout) || !is_short(stall_timeout),
            "{stall_timeout}"
        );
    }
    if let Ok(template) = text.parse::<Template>() {
        let words = template.fill(&[("node", "a b{node}"), ("attempt", "")]);
        let plain = template.fill(&[]);
        // A value that could be an option or a path is refused.
        if let (Ok(words), Ok(plain)) = (words, plain) {
            assert_eq!(words.len(), plain.len(), "a value stays within its word");
        }
    }
}

/// A secret's file: blanks around it do not count.
pub(super) fn secret(bytes: &[u8]) {
    let (plain, spaced) = (
        Secret::new(bytes),
        Secret::new(&[b"\n", bytes, b" \n"].concat()),
    );
    if let (Ok(plain), Ok(spaced)) = (plain, spaced) {
        let mark = plain.mark("n1", b"text");
        assert_eq!(mark, spaced.mark("n1", b"text"));
        let kept = format!("text\n{mark}");
        assert_eq!(spaced.unmarked("n1", kept.as_bytes()), Ok(&b"text"[..]));
        assert!(spaced.unmarked("n2", kept.as_bytes()).is_err());
    }
}

/// A cluster's description: each problem names a line of the text.
pub(super) fn description(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for host_kind in [HostKind::Loopback, HostKind::Netns, HostKind::Own] {
        match cluster::read(&text, Path::new("/x"), host_kind) {
            Ok((cluster, warnings)) => {
                assert!(warnings.iter().all(|warning| !warning.grave));
                let _ = (cluster.quorum(), cluster.file_system());
                for host in &cluster.hosts {
                    let home = cluster.home(host);
                    assert!(home.starts_with(&cluster.folder));
                }
            }
            Err(problems) => {
                assert!(problems.iter().any(|problem| problem.grave));
                let lines = text.matches('\n').count() + 1;
                for problem in problems {
                    assert!((1..=lines).contains(&problem.line), "{problem}");
                }
            }
        }
    }
}
