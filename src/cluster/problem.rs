//! What is wrong with a description: the line, what it is, and what to write instead.

use std::fmt;

/// One thing that is wrong, or at least unwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line of the description that it is in, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do instead.
    pub instead: String,
    /// Nothing can be started with it; otherwise it is a warning.
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

/// All that was found in a description.
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

    /// Something that nothing can be started with, at a place of the text.
    pub(super) fn grave(&mut self, at: usize, what: impl Into<String>, instead: impl Into<String>) {
        self.add(at, what.into(), instead.into(), true);
    }

    /// Something unwise.
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

    /// The line of a place in the text.
    pub(super) fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    /// All of them, in the order of their lines.
    pub(super) fn sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }
}
