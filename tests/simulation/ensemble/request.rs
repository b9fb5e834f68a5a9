//! What a session asks of the simulated ensemble, and what it is answered.

use heartline::coordination::client::{Kind, Operation, Refusal};
use heartline::coordination::{Failure, Stat};

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Create {
        path: String,
        value: Vec<u8>,
        kind: Kind,
    },
    Delete {
        path: String,
        version: Option<i32>,
    },
    Set {
        path: String,
        value: Vec<u8>,
        version: Option<i32>,
    },
    Transaction(Vec<Operation>),
    /// The end of the session.
    Close,
    Get {
        path: String,
        watch: bool,
    },
    Stat {
        path: String,
        watch: bool,
    },
    Children {
        path: String,
        watch: bool,
    },
    Sync,
}

impl Request {
    /// Whether the leader decides it; all else is answered by the server that was asked.
    pub(crate) fn is_write(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::Delete { .. }
                | Self::Set { .. }
                | Self::Transaction(_)
                | Self::Close
        )
    }

    /// What it watches for, once it is answered.
    pub(crate) fn watches(&self) -> Option<(&str, Watching)> {
        match self {
            Self::Get { path, watch: true } | Self::Stat { path, watch: true } => {
                Some((path, Watching::Value))
            }
            Self::Children { path, watch: true } => Some((path, Watching::Children)),
            _ => None,
        }
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Done,
    Created(String, Stat),
    Set(Stat),
    Value(Vec<u8>, Stat),
    Found(Option<Stat>),
    Names(Vec<String>, Stat),
}

pub(crate) type Outcome = Result<Answer, Refusal>;

/// A refusal of a whole request.
pub(crate) fn refuse(failure: Failure) -> Refusal {
    Refusal { at: None, failure }
}

/// What a watch looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watching {
    Value,
    Children,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) path: String,
    pub(crate) happened: Happened,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    Created,
    Changed,
    Deleted,
    Children,
}

impl Happened {
    /// Which watches it uses up.
    pub(crate) fn wakes(self) -> &'static [Watching] {
        match self {
            Self::Created | Self::Changed => &[Watching::Value],
            Self::Deleted => &[Watching::Value, Watching::Children],
            Self::Children => &[Watching::Children],
        }
    }
}
