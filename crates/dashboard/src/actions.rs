//! What people do by the page: an attempt is killed, the interval is set. The master decides, as for the commands
//! `heartline kill` and `heartline interval`.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use heartline_core::protocol::request::Request;
use heartline_core::protocol::stamp;

/// Maximum number of actions that are remembered.
const MOST_ACTIONS: usize = 100;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// End the member with this name.
    Kill(String),
    /// Set the interval; `None` lets the master choose it.
    Interval(Option<Duration>),
}

impl Action {
    fn name(&self) -> &'static str {
        match self {
            Self::Kill(_) => "kill",
            Self::Interval(_) => "interval",
        }
    }

    fn node(&self) -> Option<&str> {
        match self {
            Self::Kill(node) => Some(node),
            Self::Interval(_) => None,
        }
    }

    /// The request to the master.
    pub(crate) fn request(&self) -> Request {
        match self {
            Self::Kill(node) => Request::Kill(node.clone()),
            Self::Interval(interval) => Request::Interval(*interval),
        }
    }
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ActionOutcome {
    /// The master has done it; its words.
    Done(String),
    /// The master refuses; its words.
    Refused(String),
    /// Nobody could be asked.
    Failed(String),
}

impl ActionOutcome {
    /// The words for people.
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::Done(words) | Self::Refused(words) | Self::Failed(words) => words,
        }
    }
}

/// A client's action that waits for the master's answer.
#[derive(Debug)]
pub(crate) struct ActionRequest {
    pub(crate) action: Action,
    /// Who asks: an address.
    pub(crate) by: String,
    pub(crate) answer: oneshot::Sender<ActionOutcome>,
}

/// The last actions. Pure.
#[derive(Debug, Default)]
pub(crate) struct ActionLog {
    actions: VecDeque<Value>,
}

impl ActionLog {
    /// Remembers an action, and forgets the oldest if there are too many.
    pub(crate) fn push(
        &mut self,
        time: DateTime<Utc>,
        by: &str,
        action: &Action,
        outcome: &ActionOutcome,
    ) {
        if self.actions.len() == MOST_ACTIONS {
            self.actions.pop_front();
        }
        self.actions.push_back(json!({
            "time": stamp(time),
            "by": by,
            "action": action.name(),
            "node": action.node(),
            "result": outcome.words(),
            "is_error": !matches!(outcome, ActionOutcome::Done(_)),
        }));
    }

    /// The actions, oldest first.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.actions.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_actions_are_remembered() {
        let mut log = ActionLog::default();
        let time = DateTime::UNIX_EPOCH;
        for number in 0..=MOST_ACTIONS {
            let kill = Action::Kill(format!("map{number}"));
            log.push(time, "a:1", &kill, &ActionOutcome::Done("sent".to_owned()));
        }
        let refused = ActionOutcome::Refused("no".to_owned());
        log.push(time, "a:1", &Action::Interval(None), &refused);
        let all = log.list();
        assert_eq!(all.len(), MOST_ACTIONS);
        assert_eq!(
            (&all[0]["node"], &all[0]["is_error"]),
            (&json!("map2"), &json!(false))
        );
        let last = &all[MOST_ACTIONS - 1];
        assert_eq!(
            (&last["action"], &last["result"]),
            (&json!("interval"), &json!("no"))
        );
        assert_eq!(
            (&last["node"], &last["is_error"]),
            (&Value::Null, &json!(true))
        );
    }
}
