//! Tests of the `rules` module: each rule, and all of them together in any order of events.

use proptest::prelude::*;

use super::*;

fn sight(text: &str, runner: Option<i64>) -> TaskView {
    TaskView {
        task: Some((4, text.to_owned())),
        runner,
    }
}

#[test]
fn what_nobody_has_begun_is_to_be_taken() {
    let nothing = TaskView {
        task: None,
        runner: None,
    };
    assert_eq!(judge("a", 1, &nothing), Step::Take(None));
    let failed = sight("failed b", None);
    assert_eq!(judge("a", 1, &failed), Step::Take(Some(4)));
}

#[test]
fn who_is_gone_without_a_word_is_followed() {
    for gone in ["a", "b"] {
        let sight = sight(&format!("committing {gone}"), None);
        assert_eq!(judge("a", 1, &sight), Step::Take(Some(4)));
    }
}

#[test]
fn who_runs_is_waited_for() {
    let other = sight("committing b", Some(2));
    assert_eq!(judge("a", 1, &other), Step::Wait("b".to_owned()));
    // The znode of an earlier session, or another process with the same id.
    let same = sight("committing a", Some(2));
    assert_eq!(judge("a", 1, &same), Step::Wait("a".to_owned()));
    assert_eq!(judge("a", 2, &sight("committing a", Some(2))), Step::Run(4));
}

#[test]
fn what_is_committed_stays_so() {
    for runner in [None, Some(1), Some(2)] {
        let sight = sight("committed b", runner);
        assert_eq!(judge("a", 1, &sight), Step::Committed("b".to_owned()));
    }
}

#[test]
fn what_is_no_record_is_left_alone() {
    for text in ["", "committed", "Committing a", "hello world"] {
        assert_eq!(
            judge("a", 1, &sight(text, None)),
            Step::Foreign(text.to_owned())
        );
    }
}

#[test]
fn a_rejected_write_is_tried_again_unless_it_stands_or_is_overtaken() {
    let record = Record::new(State::Committed, "a");
    let rechecked = |text: &str, version| recheck(&record, version, &sight(text, None));
    assert_eq!(rechecked("committed a", 3), Recheck::Done);
    assert_eq!(rechecked("committing a", 4), Recheck::Again);
    let overtaken = Recheck::Overtaken("committing b".to_owned());
    assert_eq!(rechecked("committing b", 3), overtaken);
}

/// The state of a simulated attempt.
#[derive(Clone, Debug)]
enum Phase {
    Idle,
    Looked(TaskView),
    Running(i32),
    Ended(Record, i32),
    Over,
}

struct World {
    /// All states so far: a server that lags behind shows an earlier one.
    history: Vec<TaskView>,
    phases: Vec<Phase>,
    sessions: Vec<i64>,
}

impl World {
    fn new(attempts: usize) -> Self {
        Self {
            history: vec![TaskView {
                task: None,
                runner: None,
            }],
            phases: vec![Phase::Idle; attempts],
            sessions: (1..).take(attempts).collect(),
        }
    }

    fn now(&self) -> TaskView {
        self.history.last().unwrap().clone()
    }

    fn is_committed(&self) -> bool {
        let states = self.history.iter().filter_map(TaskView::record);
        states
            .map(|record| record.state)
            .any(|state| state == State::Committed)
    }

    fn set(&mut self, version: i32, record: &Record, runner: Option<i64>) {
        let task = Some((version, record.to_string()));
        self.history.push(TaskView { task, runner });
    }

    fn act(&mut self, who: usize, what: u8, behind: usize) {
        let (name, session) = (who.to_string(), self.sessions[who]);
        let now = self.now();
        let version = now.task.as_ref().map(|(version, _)| *version);
        let next = match (what, self.phases[who].clone()) {
            (0, Phase::Idle) => {
                let last = self.history.len() - 1;
                Phase::Looked(self.history[last - behind.min(last)].clone())
            }
            (1, Phase::Looked(sight)) => match judge(&name, session, &sight) {
                Step::Take(expected) => {
                    if version == expected && now.runner.is_none() {
                        let next = expected.map_or(0, |version| version + 1);
                        let record = Record::new(State::Committing, &name);
                        self.set(next, &record, Some(session));
                    }
                    Phase::Idle
                }
                // The claim is proven before the command starts.
                Step::Run(held) if version == Some(held) && now.runner == Some(session) => {
                    assert!(!self.is_committed(), "it runs again");
                    Phase::Running(held)
                }
                Step::Run(_) | Step::Wait(_) => Phase::Idle,
                Step::Committed(_) => Phase::Over,
                Step::Foreign(text) => panic!("{text}"),
            },
            (2, Phase::Running(held)) => Phase::Ended(Record::new(State::Committed, &name), held),
            (3, Phase::Running(held)) => Phase::Ended(Record::new(State::Failed, &name), held),
            (4, Phase::Ended(record, held)) if version == Some(held) => {
                self.set(held + 1, &record, None);
                // The answer may be lost.
                if behind == 0 {
                    Phase::Over
                } else {
                    Phase::Ended(record, held)
                }
            }
            (4, Phase::Ended(record, held)) => match recheck(&record, held, &now) {
                Recheck::Done | Recheck::Overtaken(_) => Phase::Over,
                Recheck::Again => panic!("nothing stands against it"),
            },
            (5, phase) => {
                // The command is stopped before the session can end.
                self.sessions[who] += 100;
                if now.runner == Some(session) {
                    self.history.push(TaskView {
                        runner: None,
                        ..now
                    });
                }
                match phase {
                    Phase::Running(_) | Phase::Looked(_) => Phase::Idle,
                    other => other,
                }
            }
            (_, phase) => phase,
        };
        self.phases[who] = next;
    }
}

proptest! {
    #[test]
    fn never_two_run_and_never_again_once_committed(
        steps in prop::collection::vec((0..3_usize, 0..6_u8, 0..3_usize), 0..300)
    ) {
        let mut world = World::new(3);
        for (who, what, behind) in steps {
            world.act(who, what, behind);
            let running = world.phases.iter();
            let running = running.filter(|phase| matches!(phase, Phase::Running(_))).count();
            prop_assert!(running <= 1);
        }
    }
}
