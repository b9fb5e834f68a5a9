//! What a master writes: each one transaction that is made only while its claim stands.

/// One transaction to be made under the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The first of an epoch, made only if nobody has reported since the report was read that the
    /// master goes on from.
    Accede {
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
    /// A verdict: remove the follower's znode if it still has this version, and report it.
    Bury {
        /// The follower.
        node: String,
        /// The last version heard: a beat that came since saves the follower.
        version: i32,
        /// Its claim, which goes with it.
        claim: Option<String>,
        /// The new value of `/heart_beat_master`.
        report: String,
    },
    /// The end of this epoch: report, and remove the claim.
    Release {
        /// The new value of `/heart_beat_master`.
        report: String,
    },
}

/// How a [`Write`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was made.
    Done,
    /// The follower to be buried has beaten meanwhile.
    Spared,
    /// The follower to be buried was gone.
    Gone,
    /// Another has reported meanwhile: the epoch did not begin.
    Overtaken,
}
