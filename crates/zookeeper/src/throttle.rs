//! Handles an overloaded server: a request that it did not carry out is repeated after a pause, in the same
//! session. A new session would only add to its load.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Failure;
use heartline_core::backoff::Backoff;

/// The first pause after a request that was throttled.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(2);

/// The waits of a client whose request was throttled: random, so that clients that were refused together do not return
/// together.
pub fn throttle_backoff() -> Backoff {
    Backoff::between(FIRST, LONGEST).seeded(fastrand::u64(..))
}

/// Waits before the next attempt, unless that would last until after `end`; returns whether it has waited.
async fn wait(backoff: &mut Backoff, end: Option<Instant>) -> bool {
    let wait = backoff.next_wait();
    if end.is_some_and(|end| Instant::now() + wait >= end) {
        return false;
    }
    sleep(wait).await;
    true
}

/// Repeats a request, after pauses, as long as the server throttles. If the next attempt would start after
/// `end`, returns the last answer.
pub async fn unthrottled<T>(
    end: Instant,
    mut ask: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut backoff = throttle_backoff();
    loop {
        let answer = ask().await;
        if !is_throttled(&answer) || !wait(&mut backoff, Some(end)).await {
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
    let mut backoff = Backoff::between(FIRST, LONGEST);
    loop {
        let answer = ask().await;
        if !is_throttled(&answer) || !wait(&mut backoff, None).await {
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
}
