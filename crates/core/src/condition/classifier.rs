//! Classifies the last samples, and decides when a command is stalled.

use std::collections::VecDeque;
use std::time::Duration;

use super::stall_timeout::Allowance;
use super::{Condition, InputFill, OutputFill, Sample, StallTimeout, Waiting};

/// The minimum period that a verdict covers: a command between two blocks of input is not called blocked, and
/// the system counts CPU time in steps of 10 ms.
const WINDOW: Duration = Duration::from_secs(1);

/// Minimum number of steps in that period, if sampling is slow.
const STEPS: u32 = 5;

/// The most that the time between two samples can count for, in sampling intervals. The rest of a longer gap
/// was not observed: the machine slept, or the sampler had no processor.
const LONGEST_STEP: u32 = 3;

/// A command that uses less than a tenth of a core does not spin.
const SHARE: u32 = 10;

/// A change of a command's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionChange {
    /// It has stood still by its own fault for as long as it is allowed.
    Stalled,
    /// It was stalled, and no longer is.
    Recovered,
}

/// What a single step, the time between two samples, shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Moved,
    Starved,
    BackPressured,
    /// One of its processes runs, or is ready to run but has no processor.
    Runs,
    Still,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    length: Duration,
    cpu: Duration,
    seen: Window,
}

/// Determines what a command is doing, and whether it is stalled.
///
/// - **Input**: [`sampled`](Self::sampled), at about the configured interval.
/// - **Output**: a [`ConditionChange`] when the command stalls or recovers; [`condition`](Self::condition),
///   [`since`](Self::since) and [`stalled`](Self::stalled) at any time.
#[derive(Clone, Debug)]
pub struct Classifier {
    allowance: Allowance,
    window: Duration,
    longest_step: Duration,
    last: Option<Sample>,
    /// The last steps, which together cover the window or a little more.
    steps: VecDeque<Step>,
    condition: Condition,
    since: Duration,
    /// How long the command has stood still by its own fault.
    still: Duration,
    stalled: bool,
}

impl Classifier {
    /// Creates a classifier that gets a sample every `interval`. The command counts as working until
    /// something else is observed for a while.
    pub fn new(stall_timeout: StallTimeout, interval: Duration) -> Self {
        Self {
            allowance: Allowance::new(stall_timeout),
            window: WINDOW.max(interval * STEPS),
            longest_step: interval * LONGEST_STEP,
            last: None,
            steps: VecDeque::new(),
            condition: Condition::default(),
            since: Duration::ZERO,
            still: Duration::ZERO,
            stalled: false,
        }
    }

    /// Takes a sample. Returns the change that it causes, if any.
    pub fn sampled(&mut self, sample: &Sample) -> Option<ConditionChange> {
        let Some(last) = self.last.replace(*sample) else {
            self.since = sample.at;
            return None;
        };
        let step = Step {
            length: sample.at.saturating_sub(last.at).min(self.longest_step),
            cpu: sample.cpu.saturating_sub(last.cpu),
            seen: seen(&last, sample),
        };
        self.remember(step);
        let condition = self.verdict();
        if condition != self.condition {
            self.condition = condition;
            self.since = sample.at;
        }
        self.count(step);
        self.change()
    }

    /// What the command is doing.
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// Since when it has been in this condition, by the samples' clock.
    pub fn since(&self) -> Duration {
        self.since
    }

    /// How long the command has stood still by its own fault, if it is stalled.
    pub fn stalled(&self) -> Option<Duration> {
        self.stalled.then_some(self.still)
    }

    /// How long the command may stand still by its own fault now; `None` means forever.
    pub fn allowed(&self) -> Option<Duration> {
        self.allowance.now()
    }

    fn remember(&mut self, step: Step) {
        self.steps.push_back(step);
        let mut total: Duration = self.steps.iter().map(|step| step.length).sum();
        while let Some(oldest) = self.steps.front()
            && total.saturating_sub(oldest.length) >= self.window
        {
            total = total.saturating_sub(oldest.length);
            self.steps.pop_front();
        }
    }

    /// The verdict on the window: any movement is work; otherwise what the command waits for at least half of
    /// the time; otherwise what it does with the CPU.
    fn verdict(&self) -> Condition {
        let time = |what: fn(&Step) -> bool| -> Duration {
            let steps = self.steps.iter().filter(|step| what(step));
            steps.map(|step| step.length).sum()
        };
        let total = time(|_| true);
        if total < self.window {
            // Too little is known for another verdict.
            return Condition::Working;
        }
        if self.steps.iter().any(|step| step.seen == Window::Moved) {
            return Condition::Working;
        }
        let starved = time(|step| step.seen == Window::Starved);
        let back_pressured = time(|step| step.seen == Window::BackPressured);
        if (starved + back_pressured) * 2 >= total {
            if starved > back_pressured {
                return Condition::Starved;
            }
            return Condition::BackPressured;
        }
        let cpu: Duration = self.steps.iter().map(|step| step.cpu).sum();
        let runs = time(|step| step.seen == Window::Runs);
        // A command that is ready to run on a busy machine is not blocked.
        if cpu * SHARE >= total || runs * 2 > total {
            Condition::Spinning
        } else {
            Condition::Blocked
        }
    }

    fn count(&mut self, step: Step) {
        self.allowance.watched(step.length);
        match step.seen {
            Window::Moved => {
                self.allowance.paused(self.still);
                self.still = Duration::ZERO;
            }
            Window::Starved | Window::BackPressured => {}
            Window::Runs | Window::Still => self.still += step.length,
        }
        if matches!(
            self.condition,
            Condition::Starved | Condition::BackPressured
        ) {
            self.still = Duration::ZERO;
        }
    }

    fn change(&mut self) -> Option<ConditionChange> {
        let too_long = self.allowed().is_some_and(|allowed| self.still >= allowed);
        if !self.stalled && too_long && self.condition.is_its_own() {
            self.stalled = true;
            Some(ConditionChange::Stalled)
        } else if self.stalled && !self.condition.is_its_own() {
            self.stalled = false;
            Some(ConditionChange::Recovered)
        } else {
            None
        }
    }
}

fn seen(last: &Sample, sample: &Sample) -> Window {
    if sample.bytes_in != last.bytes_in || sample.bytes_out != last.bytes_out {
        return Window::Moved;
    }
    match (sample.waiting, sample.input, sample.output) {
        (Waiting::Input, InputFill::Empty | InputFill::Unknown, _) => Window::Starved,
        (Waiting::Output, _, OutputFill::Full | OutputFill::Unknown) => Window::BackPressured,
        (Waiting::Nothing, ..) => Window::Runs,
        _ => Window::Still,
    }
}

#[cfg(test)]
mod tests;
