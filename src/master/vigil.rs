//! What the next in line does: listens to the one before it, and says when that one is to be
//! deposed. Pure: the same detector, and the same doubt of itself, as the master's.

use std::time::Duration;

use crate::detect::{Detector, Terms};

/// The name of the only one that is listened to.
const PREDECESSOR: &str = "predecessor";

/// What was read of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// How often it was set.
    pub version: i32,
    /// Whether its value is of heartline's form, so that beats can be expected of its owner as soon
    /// as that is master.
    pub is_ours: bool,
}

/// Listens to one claim.
///
/// - **Told by** [`seen`](Self::seen), [`stirred`](Self::stirred) and [`echo`](Self::echo), the
///   member's own beat that came back.
/// - **Asked by** [`silent`](Self::silent) after each echo.
#[derive(Debug)]
pub struct Vigil {
    /// The election's generation that the claim was asked for with.
    generation: u64,
    detector: Detector,
    version: Option<i32>,
    /// Whether it was heard to beat: masters do, members in line do not.
    beaten: bool,
    /// How long the first in line may take until its first beat; `None` for all others.
    patience: Option<Duration>,
    /// Time spent hearing since the claim was seen first.
    waited: Duration,
    last_echo: Option<Duration>,
    longest_gap: Duration,
    asked: bool,
}

impl Vigil {
    /// Begins to listen. `patience` is for the first in line, which is to beat: it is master, or is
    /// about to be.
    pub fn begin(generation: u64, terms: Terms, patience: Option<Duration>) -> Self {
        Self {
            generation,
            detector: Detector::new(terms),
            version: None,
            beaten: false,
            patience,
            waited: Duration::ZERO,
            last_echo: None,
            longest_gap: terms.longest_gap,
            asked: false,
        }
    }

    /// The generation that answers about this claim carry.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the claim beats, so that each beat of one's own is worth an answer.
    pub fn is_listening(&self) -> bool {
        self.beaten
    }

    /// The claim was read, and its next change will be noticed.
    pub fn seen(&mut self, now: Duration, sight: Sight) {
        self.beaten |= self.version.is_some_and(|version| version != sight.version);
        self.version = Some(sight.version);
        self.asked = false;
        if !sight.is_ours {
            // Another program's lock: its owner never beats.
            self.patience = None;
        }
        if self.beaten {
            self.detector.heard(now, PREDECESSOR);
        }
    }

    /// The claim has changed and is being read.
    pub fn stirred(&mut self, now: Duration) {
        self.detector.reading(now, PREDECESSOR);
    }

    /// The member's own beat came back.
    pub fn echo(&mut self, now: Duration) {
        self.detector.echo(now);
        if let (Some(last), Some(_)) = (self.last_echo.replace(now), self.version) {
            self.waited += now.saturating_sub(last).min(self.longest_gap);
        }
    }

    /// The version at which the claim has been silent for too long, once for each silence.
    pub fn silent(&mut self) -> Option<i32> {
        let silent = if self.beaten {
            self.detector.overdue().next().is_some()
        } else {
            self.patience
                .is_some_and(|patience| self.waited >= patience)
        };
        if !silent || self.asked {
            return None;
        }
        self.asked = true;
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Rule;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn vigil(patience: Option<Duration>) -> Vigil {
        let terms = Terms {
            rule: Rule::Fixed,
            timeout: ms(20),
            longest_gap: ms(10),
        };
        Vigil::begin(3, terms, patience)
    }

    fn see(vigil: &mut Vigil, at: u64, version: i32) {
        let is_ours = true;
        vigil.seen(ms(at), Sight { version, is_ours });
    }

    fn echoes(vigil: &mut Vigil, from: u64, until: u64) {
        for at in (from..=until).step_by(5) {
            vigil.echo(ms(at));
        }
    }

    #[test]
    fn one_that_beat_and_fell_silent_is_deposed_once() {
        let mut vigil = vigil(None);
        see(&mut vigil, 0, 1);
        echoes(&mut vigil, 0, 5);
        vigil.stirred(ms(5));
        see(&mut vigil, 5, 2);
        echoes(&mut vigil, 10, 20);
        assert_eq!(vigil.silent(), None);
        echoes(&mut vigil, 25, 25);
        assert_eq!(vigil.silent(), Some(2));
        assert_eq!(vigil.silent(), None);
        // It beat in this moment, and was spared; then it falls silent again.
        see(&mut vigil, 26, 3);
        echoes(&mut vigil, 30, 50);
        assert_eq!(vigil.silent(), Some(3));
    }

    #[test]
    fn who_only_stands_in_line_does_not_beat() {
        let mut vigil = vigil(None);
        see(&mut vigil, 0, 0);
        echoes(&mut vigil, 0, 10_000);
        assert_eq!(vigil.silent(), None);
        assert!(!vigil.is_listening());
    }

    #[test]
    fn the_first_in_line_is_waited_for_only_so_long() {
        let mut vigil = vigil(Some(ms(3000)));
        see(&mut vigil, 0, 0);
        echoes(&mut vigil, 0, 2995);
        assert_eq!(vigil.silent(), None);
        echoes(&mut vigil, 3000, 3000);
        assert_eq!(vigil.silent(), Some(0));
    }

    #[test]
    fn who_cannot_hear_deposes_nobody() {
        let mut vigil = vigil(Some(ms(3000)));
        see(&mut vigil, 0, 0);
        vigil.echo(ms(0));
        vigil.echo(ms(30_000));
        assert_eq!(vigil.silent(), None);
    }

    #[test]
    fn the_lock_of_another_program_is_left_alone() {
        let mut vigil = vigil(Some(ms(3000)));
        let (version, is_ours) = (0, false);
        vigil.seen(ms(0), Sight { version, is_ours });
        echoes(&mut vigil, 0, 10_000);
        assert_eq!(vigil.silent(), None);
    }
}
