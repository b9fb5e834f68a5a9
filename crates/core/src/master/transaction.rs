//! A master's writes: each is one transaction that is made only while its claim exists.

/// One transaction to make under the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The first write of an epoch, made only if no report was written since the new master read the last
    /// one.
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
    /// Instructions to followers, and the answer to an operator's request, together with the master's own
    /// beat.
    Command {
        /// The new value of `/heart_beat_control`.
        control: String,
        /// The name of the request's znode, and its new value.
        answer: Option<(String, String)>,
    },
    /// Verdicts: remove the followers' znodes if all of them still have these versions, and report it,
    /// together with the master's own beat.
    RemoveDead {
        /// The followers to remove.
        removed: Vec<RemovedFollower>,
        /// The new value of `/heart_beat_master`.
        report: String,
    },
    /// The end of this epoch: write the last report and remove the claim.
    Release {
        /// The new value of `/heart_beat_master`.
        report: String,
    },
}

impl Write {
    /// The total size in bytes; `None` for a mere beat.
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
    /// The name of the follower.
    pub node: String,
    /// The last version read: a later beat saves the follower.
    pub version: i32,
    /// The session that owns its znode; 0 for a persistent znode.
    pub owner: i64,
    /// The claim that the follower names in its beats. It is removed too if the same session owns it.
    pub claim: Option<String>,
    /// The claim's version, if it was found that the same session owns it.
    pub claim_version: Option<i32>,
}

/// The outcome of a [`Write`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was made.
    Done,
    /// Not made: the follower at this index has beaten in the meantime.
    Spared(usize),
    /// Not made: the znode of the follower at this index was gone.
    Gone(usize),
    /// Not made: ZooKeeper refuses to remove the follower at this index, with the reason.
    Refused(usize, String),
    /// Made, except for the value of `/heart_beat_control`, which ZooKeeper refuses to write, with the reason.
    ControlRefused(String),
    /// Another master has reported in the meantime: the epoch did not begin.
    Overtaken,
}
