//! Handles an overloaded server: a request that it did not carry out is repeated after a pause, in the same
//! session. A new session would only add to its load.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Failure;

/// The first pause after a request that was throttled.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(2);

/// Pauses that grow from one attempt to the next. Each may be shortened at random, so that clients that were
/// refused together do not return together.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    first: Duration,
    longest: Duration,
    next: Duration,
    is_random: bool,
}

impl Default for Pause {
    /// The pauses for a server that throttles.
    fn default() -> Self {
        Self::between(FIRST, LONGEST)
    }
}

impl Pause {
    /// Pauses from `first` to `longest`.
    pub fn between(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
            is_random: true,
        }
    }

    /// The same pauses, not shortened at random: a simulated run is the same each time.
    #[must_use]
    pub fn steady(self) -> Self {
        Self {
            is_random: false,
            ..self
        }
    }

    /// The next pause.
    pub fn grow(&mut self) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.longest);
        if self.is_random {
            whole.mul_f64(0.5 + fastrand::f64() / 2.0)
        } else {
            whole
        }
    }

    /// Waits for the next pause, unless that would last until after `end`; returns whether it has waited.
    async fn wait(&mut self, end: Option<Instant>) -> bool {
        let wait = self.grow();
        if end.is_some_and(|end| Instant::now() + wait >= end) {
            return false;
        }
        sleep(wait).await;
        true
    }

    /// Starts again with the first pause, after a successful attempt.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Repeats a request, after pauses, as long as the server throttles. If the next attempt would start after
/// `end`, returns the last answer.
pub async fn unthrottled<T>(
    end: Instant,
    mut ask: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut pause = Pause::default();
    loop {
        let answer = ask().await;
        if !is_throttled(&answer) || !pause.wait(Some(end)).await {
            return answer;
        }
    }
}

/// Repeats a request until the server accepts it, however long that takes. The pauses are not random, so that
/// a simulated run is the same each time.
///
/// # Cancellation safety
/// When the future is dropped, the request may be made all the same.
pub async fn unless_throttled<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut pause = Pause::default().steady();
    loop {
        let answer = ask().await;
        if !is_throttled(&answer) || !pause.wait(None).await {
            return answer;
        }
    }
}

fn is_throttled<T>(answer: &Result<T, Failure>) -> bool {
    matches!(answer, Err(Failure::Throttled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_throttled_is_asked_again_until_the_end() {
        let begin = Instant::now();
        let mut left = 3;
        let answer = unthrottled(begin + Duration::from_secs(10), async || {
            left -= 1;
            if left > 0 {
                Err(Failure::Throttled)
            } else {
                Ok(7)
            }
        });
        assert_eq!(answer.await, Ok(7));
        let never = async || Err::<(), _>(Failure::Throttled);
        let end = Instant::now() + Duration::from_secs(10);
        assert_eq!(unthrottled(end, never).await, Err(Failure::Throttled));
        assert!(Instant::now() <= end);
        let mut asked = 0;
        let refused = unthrottled(end + LONGEST, async || {
            asked += 1;
            Err::<(), _>(Failure::NoNode)
        });
        assert_eq!(refused.await, Err(Failure::NoNode));
        assert_eq!(asked, 1);
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut pause = Pause::default();
        let pauses: Vec<_> = (0..10).map(|_| pause.grow()).collect();
        assert!(pauses[0] <= FIRST && pauses[9] <= LONGEST && pauses[9] >= LONGEST / 2);
        pause.reset();
        assert!(pause.grow() <= FIRST);
    }
}
