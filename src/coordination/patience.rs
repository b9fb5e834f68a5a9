//! What is asked of an overloaded server is asked again after a pause, in the same session: another session is
//! more work for it.

use std::time::Duration;

use tokio::time::sleep;

use super::Failure;

/// The pause after the first refusal; doubled after each.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(1);

/// Asks until the server takes the request, however long that takes.
///
/// # Cancellation safety
/// As that of the request: when the future is dropped, the request may be made all the same.
pub async fn unless_throttled<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut pause = FIRST;
    loop {
        match ask().await {
            Err(Failure::Throttled) => sleep(pause).await,
            answer => return answer,
        }
        pause = LONGEST.min(pause * 2);
    }
}
