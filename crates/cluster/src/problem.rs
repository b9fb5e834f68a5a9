//! A problem in a description: its line, what is wrong, and what to write instead.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use toml::Spanned;

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line of the description, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do instead.
    pub instead: String,
    /// Whether this is an error, which prevents a start, rather than a warning.
    pub grave: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            what,
            instead,
            grave,
        } = self;
        let degree = if *grave { "" } else { "warning: " };
        write!(f, "{line}: {degree}{what}; {instead}")
    }
}

/// All problems that were found in a description.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    text: &'a str,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    /// Adds an error at a position in the text.
    pub(super) fn grave(&mut self, at: usize, what: impl Into<String>, instead: impl Into<String>) {
        self.add(at, what.into(), instead.into(), true);
    }

    /// Adds a warning at a position in the text.
    pub(super) fn warn(&mut self, at: usize, what: impl Into<String>, instead: impl Into<String>) {
        self.add(at, what.into(), instead.into(), false);
    }

    fn add(&mut self, at: usize, what: String, instead: String, grave: bool) {
        let line = self.line(at);
        let problem = Problem {
            line,
            what,
            instead,
            grave,
        };
        if !self.found.contains(&problem) {
            self.found.push(problem);
        }
    }

    /// The line of a position in the text.
    pub(super) fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    /// All problems, ordered by line.
    pub(super) fn sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }
}

/// A number of errors in words: `1 error`, `3 errors`.
pub(super) fn errors(count: usize) -> String {
    format!("{count} error{}", if count == 1 { "" } else { "s" })
}

/// Finds items that occur twice: returns the second position, the item, and the first position.
pub(super) fn twice<'a, T>(items: impl Iterator<Item = &'a Spanned<T>>) -> Vec<(usize, T, usize)>
where
    T: Clone + Eq + Hash + 'a,
{
    let mut seen = HashMap::new();
    let mut found = Vec::new();
    for item in items {
        let at = item.span().start;
        if let Some(first) = seen.insert(item.get_ref().clone(), at) {
            found.push((at, item.get_ref().clone(), first));
        }
    }
    found
}
