//! Tests of the classifier, with simulated commands.

use proptest::prelude::*;

use super::*;

const INTERVAL: Duration = Duration::from_millis(200);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A simulated command, and its classifier.
struct Course {
    classifier: Classifier,
    sample: Sample,
    changes: Vec<ConditionChange>,
}

/// What a simulated command does for one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Moves,
    WaitsForInput,
    WaitsForReader,
    Computes,
    WaitsForProcessor,
    Sleeps,
}

impl Course {
    fn new(stall_timeout: StallTimeout) -> Self {
        let mut course = Self {
            classifier: Classifier::new(stall_timeout, INTERVAL),
            sample: Sample::default(),
            changes: Vec::new(),
        };
        course.classifier.sampled(&course.sample);
        course
    }

    fn step(&mut self, does: Does, length: Duration) {
        let sample = &mut self.sample;
        sample.at += length;
        sample.waiting = Waiting::Other;
        sample.input = InputFill::Unread;
        sample.output = OutputFill::Room;
        match does {
            Does::Moves => sample.bytes_in += 1,
            Does::WaitsForInput => {
                sample.waiting = Waiting::Input;
                sample.input = InputFill::Empty;
            }
            Does::WaitsForReader => {
                sample.waiting = Waiting::Output;
                sample.output = OutputFill::Full;
            }
            Does::Computes => {
                sample.waiting = Waiting::Nothing;
                sample.cpu += length;
            }
            Does::WaitsForProcessor => sample.waiting = Waiting::Nothing,
            Does::Sleeps => {}
        }
        self.changes.extend(self.classifier.sampled(&self.sample));
    }

    fn steps(&mut self, does: Does, count: usize) -> Condition {
        (0..count).for_each(|_| self.step(does, INTERVAL));
        self.classifier.condition()
    }
}

fn after(millis: u64) -> StallTimeout {
    StallTimeout::After(ms(millis))
}

#[test]
fn each_condition_is_reported_after_a_second() {
    for (does, expected) in [
        (Does::Moves, Condition::Working),
        (Does::WaitsForInput, Condition::Starved),
        (Does::WaitsForReader, Condition::BackPressured),
        (Does::Computes, Condition::Spinning),
        (Does::Sleeps, Condition::Blocked),
    ] {
        let mut course = Course::new(after(10_000));
        assert_eq!(course.steps(does, 4), Condition::Working);
        assert_eq!(course.steps(does, 1), expected);
        assert_eq!(course.steps(does, 20), expected);
        assert_eq!(course.steps(Does::Moves, 1), Condition::Working);
        // The past before the byte is forgotten, and so is the byte after a second.
        assert_eq!(course.steps(does, 4), Condition::Working);
        assert_eq!(course.steps(does, 1), expected);
        assert_eq!(course.changes, []);
    }
}

#[test]
fn a_stall_is_reported_once_and_ends_with_a_byte() {
    let mut course = Course::new(after(2000));
    course.steps(Does::Sleeps, 9);
    assert_eq!(course.classifier.stalled(), None);
    course.steps(Does::Sleeps, 1);
    assert_eq!(course.classifier.stalled(), Some(ms(2000)));
    course.steps(Does::Computes, 10);
    assert_eq!(course.classifier.stalled(), Some(ms(4000)));
    assert_eq!(course.changes, [ConditionChange::Stalled]);
    course.steps(Does::Moves, 1);
    assert_eq!(course.classifier.stalled(), None);
    assert_eq!(
        course.changes,
        [ConditionChange::Stalled, ConditionChange::Recovered]
    );
}

#[test]
fn one_glance_at_the_input_does_not_end_a_stall() {
    let mut course = Course::new(after(2000));
    course.steps(Does::Sleeps, 10);
    course.steps(Does::WaitsForInput, 1);
    course.steps(Does::Sleeps, 10);
    assert_eq!(course.changes, [ConditionChange::Stalled]);
    assert_eq!(course.steps(Does::WaitsForInput, 3), Condition::Starved);
    assert_eq!(
        course.changes,
        [ConditionChange::Stalled, ConditionChange::Recovered]
    );
}

#[test]
fn waiting_for_an_input_that_has_ended_or_can_be_read_is_no_excuse() {
    for input in [InputFill::Ended, InputFill::Unread] {
        let mut classifier = Classifier::new(after(2000), INTERVAL);
        for n in 0..20 {
            classifier.sampled(&Sample {
                at: INTERVAL * n,
                waiting: Waiting::Input,
                input,
                ..Sample::default()
            });
        }
        assert_eq!(classifier.condition(), Condition::Blocked);
        assert!(classifier.stalled().is_some());
    }
}

#[test]
fn a_tenth_of_a_core_is_spinning() {
    for (millis, expected) in [(10, Condition::Blocked), (20, Condition::Spinning)] {
        let mut course = Course::new(StallTimeout::Off);
        for _ in 0..10 {
            course.sample.cpu += ms(millis);
            course.step(Does::Sleeps, INTERVAL);
        }
        assert_eq!(course.classifier.condition(), expected);
    }
}

#[test]
fn who_gets_no_processor_is_not_blocked() {
    let mut course = Course::new(after(10_000));
    assert_eq!(
        course.steps(Does::WaitsForProcessor, 10),
        Condition::Spinning
    );
    // Running now and then is not enough.
    for _ in 0..10 {
        course.steps(Does::Sleeps, 4);
        course.steps(Does::WaitsForProcessor, 1);
    }
    assert_eq!(course.classifier.condition(), Condition::Blocked);
}

#[test]
fn a_gap_of_the_sampler_counts_for_little() {
    let mut course = Course::new(after(10_000));
    course.steps(Does::Sleeps, 10);
    // The machine slept for an hour.
    course.step(Does::Sleeps, Duration::from_secs(3600));
    assert_eq!(course.classifier.stalled(), None);
    course.steps(Does::Sleeps, 37);
    assert_eq!(course.changes, [ConditionChange::Stalled]);
    assert_eq!(course.classifier.stalled(), Some(ms(10_000)));
}

#[test]
fn time_spent_waiting_for_others_does_not_count() {
    let mut course = Course::new(after(4000));
    for _ in 0..50 {
        course.steps(Does::Computes, 10);
        course.steps(Does::WaitsForInput, 10);
        course.steps(Does::Sleeps, 10);
        course.steps(Does::WaitsForReader, 10);
    }
    assert_eq!(course.changes, []);
}

#[test]
fn off_never_stalls() {
    let mut course = Course::new(StallTimeout::Off);
    assert_eq!(course.steps(Does::Sleeps, 100_000), Condition::Blocked);
    assert_eq!(course.changes, []);
}

#[test]
fn auto_learns_the_pauses_of_the_command() {
    // One byte, and a second of work.
    let mut course = Course::new(StallTimeout::Auto);
    assert_eq!(course.classifier.allowed(), Some(ms(10_000)));
    for _ in 0..60 {
        course.steps(Does::Moves, 1);
        course.steps(Does::Computes, 5);
    }
    let allowed = course.classifier.allowed().unwrap();
    assert!(allowed >= ms(2000) && allowed < ms(5000), "{allowed:?}");
    course.steps(Does::Computes, 50);
    assert_eq!(course.changes, [ConditionChange::Stalled]);
    // It was no endless stall: such a long pause is known now.
    course.steps(Does::Moves, 1);
    let allowed = course.classifier.allowed().unwrap();
    assert!(allowed >= ms(20_000), "{allowed:?}");
}

#[test]
fn auto_does_not_learn_from_what_others_make_it_wait() {
    let mut course = Course::new(StallTimeout::Auto);
    for _ in 0..100 {
        course.steps(Does::Moves, 1);
        course.steps(Does::WaitsForInput, 100);
    }
    assert_eq!(course.classifier.allowed(), Some(ms(2000)));
    assert_eq!(course.changes, []);
}

fn any_of(all: &'static [Does]) -> impl Strategy<Value = Vec<(Does, u64)>> {
    prop::collection::vec((prop::sample::select(all), 1..2000_u64), 0..300)
}

const INNOCENT: &[Does] = &[Does::Moves, Does::WaitsForInput, Does::WaitsForReader];
const GUILTY: &[Does] = &[Does::Computes, Does::WaitsForProcessor, Does::Sleeps];
const ALL: &[Does] = &[
    Does::Moves,
    Does::WaitsForInput,
    Does::WaitsForReader,
    Does::Computes,
    Does::WaitsForProcessor,
    Does::Sleeps,
];

proptest! {
    #[test]
    fn who_waits_for_others_never_stalls(course in any_of(INNOCENT)) {
        let mut innocent = Course::new(after(1));
        for (does, length) in course {
            innocent.step(does, ms(length));
            prop_assert_eq!(innocent.classifier.stalled(), None);
            prop_assert!(!innocent.classifier.condition().is_its_own());
        }
        prop_assert_eq!(innocent.changes, []);
    }

    /// As long as only the command itself is to blame, it stalls exactly when the observed time reaches the
    /// stall timeout and the second that a verdict takes.
    #[test]
    fn who_stands_still_stalls_when_the_timeout_ends(
        course in any_of(GUILTY),
        stall_timeout in 1..20_000_u64,
    ) {
        let mut guilty = Course::new(after(stall_timeout));
        let mut seen = Duration::ZERO;
        for (does, length) in course {
            guilty.step(does, ms(length));
            seen += ms(length).min(INTERVAL * LONGEST_STEP);
            let expected = (seen >= ms(stall_timeout).max(WINDOW)).then_some(seen);
            prop_assert_eq!(guilty.classifier.stalled(), expected);
        }
    }

    /// In any case: a stall begins only after the command was seen standing still by its own fault for long
    /// enough since the last byte, and changes alternate.
    #[test]
    fn no_stall_without_enough_standing_still(
        course in any_of(ALL),
        stall_timeout in 1..10_000_u64,
    ) {
        let mut any = Course::new(after(stall_timeout));
        let mut still = Duration::ZERO;
        for (does, length) in course {
            let before = any.changes.len();
            any.step(does, ms(length));
            match does {
                Does::Moves => still = Duration::ZERO,
                Does::Computes | Does::WaitsForProcessor | Does::Sleeps => still += ms(length).min(INTERVAL * LONGEST_STEP),
                Does::WaitsForInput | Does::WaitsForReader => {}
            }
            if any.changes.len() > before && any.changes.ends_with(&[ConditionChange::Stalled]) {
                prop_assert!(still >= ms(stall_timeout));
            }
            prop_assert!(any.classifier.stalled().is_none() || any.classifier.condition().is_its_own());
        }
        for (index, change) in any.changes.iter().enumerate() {
            let expected = if index % 2 == 0 { ConditionChange::Stalled } else { ConditionChange::Recovered };
            prop_assert_eq!(*change, expected);
        }
    }
}
