//! How the program ends after its command has ended: decided from the events alone, without clock or I/O.

use signal_hook::consts::{SIGKILL, SIGTERM};

use crate::supervisor::Ended;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// With this exit status.
    Status(u8),
    /// By the signal that it received.
    Signal(i32),
    /// By a broken pipe, like a program whose output has lost its reader.
    BrokenPipe,
}

impl CommandOutcome {
    /// Whether all the work is done.
    pub fn is_success(self) -> bool {
        self == Self::Status(0)
    }
}

/// The events that decide how the program ends.
#[derive(Debug, Default)]
pub(super) struct Course {
    signal: Option<i32>,
    is_killed: bool,
}

impl Course {
    /// Notes a signal. Only the first one counts; returns whether this is the first.
    pub(super) fn signalled(&mut self, signal: i32) -> bool {
        let is_first = self.signal.is_none();
        self.signal.get_or_insert(signal);
        is_first
    }

    /// Notes that the command was ordered to end.
    pub(super) fn killed(&mut self) {
        self.is_killed = true;
    }

    /// The first signal, if there was one.
    pub(super) fn signal(&self) -> Option<i32> {
        self.signal
    }

    /// How the program ends after the command has `ended`; `is_cut` means that some of its output was not taken.
    pub(super) fn outcome(&self, ended: Ended, is_cut: bool) -> CommandOutcome {
        let Ended { status, by_itself } = ended;
        // The command's own exit status, if it has one: it did not choose to end by the supervisor's signals.
        let own = !by_itself
            && [SIGTERM, SIGKILL]
                .map(|signal| 128 + signal)
                .contains(&status.into());
        // A signal to the whole group has ended the command before this program could.
        let of_group = self.signal.is_some_and(|signal| is_by(status, signal));
        let own = (status != 0 && !own && !of_group).then_some(status);
        if let Some(status) = own {
            return CommandOutcome::Status(status);
        }
        match (by_itself, self.signal) {
            // An order to end is a failure, even if the command has answered it with 0; a command that ended before has
            // done its work.
            (_, Some(signal)) if !by_itself || of_group => CommandOutcome::Signal(signal),
            _ if self.is_killed => CommandOutcome::Status(1),
            (false, _) => CommandOutcome::Status(1),
            (true, _) if is_cut => CommandOutcome::BrokenPipe,
            (true, _) => CommandOutcome::Status(0),
        }
    }
}

/// Whether this status means that this signal has ended the command.
pub(super) fn is_by(status: u8, signal: i32) -> bool {
    i32::from(status) == 128 + signal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_itself(status: u8) -> Ended {
        Ended {
            status,
            by_itself: true,
        }
    }

    fn ordered(status: u8) -> Ended {
        Ended {
            status,
            by_itself: false,
        }
    }

    #[test]
    fn the_status_is_the_commands() {
        for status in [0, 1, 3, 127, 137, 143, 255] {
            let outcome = Course::default().outcome(by_itself(status), false);
            assert_eq!(outcome, CommandOutcome::Status(status));
            assert_eq!(outcome.is_success(), status == 0);
        }
    }

    #[test]
    fn output_that_nobody_took_is_no_success() {
        let cut = Course::default().outcome(by_itself(0), true);
        assert_eq!(cut, CommandOutcome::BrokenPipe);
        assert_eq!(
            Course::default().outcome(by_itself(141), true),
            CommandOutcome::Status(141)
        );
    }

    #[test]
    fn a_signal_is_the_end_unless_the_command_has_a_word_of_its_own() {
        let mut course = Course::default();
        assert!(course.signalled(2));
        assert!(!course.signalled(15));
        for status in [0, 137, 143] {
            assert_eq!(
                course.outcome(ordered(status), false),
                CommandOutcome::Signal(2)
            );
        }
        assert_eq!(course.outcome(ordered(5), false), CommandOutcome::Status(5));
        // The command had ended before the signal could be passed on.
        assert_eq!(
            course.outcome(by_itself(0), false),
            CommandOutcome::Status(0)
        );
    }

    #[test]
    fn a_signal_to_the_whole_group_is_ours_too() {
        let mut course = Course::default();
        course.signalled(15);
        assert_eq!(
            course.outcome(by_itself(143), false),
            CommandOutcome::Signal(15)
        );
        assert_eq!(
            course.outcome(by_itself(130), false),
            CommandOutcome::Status(130)
        );
    }

    #[test]
    fn an_order_to_end_is_a_failure() {
        let mut course = Course::default();
        course.killed();
        for status in [0, 137, 143] {
            assert_eq!(
                course.outcome(ordered(status), false),
                CommandOutcome::Status(1)
            );
        }
        assert_eq!(course.outcome(ordered(5), false), CommandOutcome::Status(5));
        assert_eq!(
            course.outcome(by_itself(0), false),
            CommandOutcome::Status(1)
        );
    }
}
