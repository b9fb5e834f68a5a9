//! Problems already reported: each one once, and only a limited number of them.

use std::collections::BTreeSet;
use std::fmt::Display;

use heartline_process::say::say;
use heartline_zookeeper::Failure;

/// The most different problems that one program reports.
const MOST: usize = 100;
/// The key of a server that throttles.
const THROTTLED: &str = "throttled";

/// The problems already reported.
#[derive(Debug)]
pub(super) struct Complaints {
    /// The program named in the messages; `None` if another part of the program reports the problems.
    program: Option<&'static str>,
    about: BTreeSet<String>,
}

impl Complaints {
    pub(super) fn new(program: Option<&'static str>) -> Self {
        Self {
            program,
            about: BTreeSet::new(),
        }
    }

    /// Reports a problem with a connection or a server; it is reported again when it happens again.
    pub(super) fn say(&self, what: impl Display) {
        if let Some(program) = self.program {
            say(program, what);
        }
    }

    /// Reports a problem with something, unless that was reported before.
    pub(super) fn once(&mut self, about: &str, what: impl Display) {
        if self.about.len() > MOST || !self.about.insert(about.to_owned()) {
            return;
        }
        if self.about.len() > MOST {
            self.say("more problems of this kind are not reported");
        } else {
            self.say(what);
        }
    }

    /// Reports that a znode cannot be read, and goes on.
    pub(super) fn unreadable(&mut self, path: &str, failure: &Failure) {
        if *failure == Failure::Throttled {
            self.once(THROTTLED, format_args!("{failure}; asking again"));
        } else {
            self.once(
                path,
                format_args!("cannot read {path}: {failure}; going on without it"),
            );
        }
    }

    /// The problem is solved: it may be reported once more.
    pub(super) fn well(&mut self, about: &str) -> bool {
        self.about.len() <= MOST && self.about.remove(about)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fmt;

    use super::*;

    /// Counts how often it is displayed.
    struct Counted<'a>(&'a Cell<usize>);

    impl Display for Counted<'_> {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.set(self.0.get() + 1);
            Ok(())
        }
    }

    #[test]
    fn each_thing_is_complained_of_once_and_all_together_are_bounded() {
        let (mut complaints, said) = (Complaints::new(Some("test")), Cell::new(0));
        for _ in 0..3 {
            complaints.once("/a", Counted(&said));
        }
        assert_eq!(said.get(), 1);
        assert!(complaints.well("/a") && !complaints.well("/a"));
        complaints.once("/a", Counted(&said));
        assert_eq!(said.get(), 2);
        for number in 0..1000 {
            complaints.once(&format!("/b{number}"), Counted(&said));
        }
        assert_eq!(said.get(), 1 + MOST);
    }
}
