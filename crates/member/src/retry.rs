//! How the watchers of znodes that a member can do without go on after a failure.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::session_event::SessionEvent;
use heartline_zookeeper::Failure;

/// Pause after an answer that makes no sense.
pub(super) const ODD_PAUSE: Duration = Duration::from_millis(500);
/// Pause after a refused read: the znode's ACL may be corrected.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// Pauses after a watch of the znode at `path` has ended; returns `false` if the session is of no use any more. A refusal
/// is reported with what it `costs`.
pub(super) async fn may_watch_again(
    ended: Result<(), Failure>,
    outside: &Sender<SessionEvent>,
    path: &str,
    costs: &str,
) -> bool {
    let pause = match ended {
        Ok(()) | Err(Failure::Lost) => return false,
        Err(Failure::Refused(why)) => {
            let event = SessionEvent::PassedOver(path.to_owned(), format!("{why}; {costs}"));
            if outside.send(event).await.is_err() {
                return false;
            }
            REFUSED_PAUSE
        }
        Err(_) => ODD_PAUSE,
    };
    sleep(pause).await;
    true
}
