//! What a master writes: each one transaction that is made only while its claim stands.

/// One transaction to be made under the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The first of an epoch, made only if nobody has reported since the report was read that the
    /// master goes on from.
    TakeOver {
        /// The version of `/heart_beat_master` that was read.
        version: i32,
        /// Its new value.
        report: String,
        /// The new value of `/heart_beat_control`.
        control: String,
    },
    /// The master's own beat, with a report when one is due.
    Beat {
        /// The new value of `/heart_beat_master`.
        report: Option<String>,
    },
    /// What followers are to do, and the answer to who has asked for it; the master's own beat with it.
    Command {
        /// The new value of `/heart_beat_control`.
        control: String,
        /// The znode of the request, by its name, and its new value.
        answer: Option<(String, String)>,
    },
    /// Verdicts: remove the followers' znodes if all of them still have these versions, and report it; the master's
    /// own beat with it.
    RemoveDead {
        /// The followers.
        removed: Vec<RemovedFollower>,
        /// The new value of `/heart_beat_master`.
        report: String,
    },
    /// The end of this epoch: report, and remove the claim.
    Release {
        /// The new value of `/heart_beat_master`.
        report: String,
    },
}

impl Write {
    /// How many bytes it has in all; `None` for a beat and no more.
    pub fn weight(&self) -> Option<usize> {
        match self {
            Self::Beat { report } => report.as_ref().map(String::len),
            Self::TakeOver {
                report, control, ..
            } => Some(report.len() + control.len()),
            Self::Command { control, answer } => {
                let answer = answer.as_ref();
                Some(control.len() + answer.map_or(0, |(name, text)| name.len() + text.len()))
            }
            Self::RemoveDead { removed, report } => {
                let bytes = |one: &RemovedFollower| {
                    one.node.len() + one.claim.as_ref().map_or(0, String::len)
                };
                Some(report.len() + removed.iter().map(bytes).sum::<usize>())
            }
            Self::Release { report } => Some(report.len()),
        }
    }
}

/// A follower to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedFollower {
    /// The follower.
    pub node: String,
    /// The last version heard: a beat that came since saves the follower.
    pub version: i32,
    /// The session that owns its znode; 0 for a lasting one.
    pub owner: i64,
    /// The claim that it says it has. It goes with the follower if it is of the same session.
    pub claim: Option<String>,
}

/// How a [`Write`] went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was made.
    Done,
    /// Not made: this one of the followers to be removed has beaten meanwhile.
    Spared(usize),
    /// Not made: this one of them was gone.
    Gone(usize),
    /// Not made: ZooKeeper refuses to remove this one of them, and says why.
    Refused(usize, String),
    /// Another has reported meanwhile: the epoch did not begin.
    Overtaken,
}
