//! What the system's service manager is told: that a program serves, what it does, that its work goes on, and that it ends
//! (`sd_notify(3)`, the protocol of systemd).
//!
//! Without `NOTIFY_SOCKET` in the environment nobody is told, and nothing is started. The messages are sent by a thread of
//! their own: a service manager that does not read must not delay a heartbeat. What waits for it is the newest of each kind,
//! so that nothing is lost but statuses that are out of date.

use std::env;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::say::say;

/// How long an orderly end waits until the service manager has the message of it.
const LAST_WORD: Duration = Duration::from_millis(100);

/// What the service manager was not yet told.
#[derive(Debug, Default, PartialEq, Eq)]
struct ServiceMessage {
    is_ready: bool,
    status: Option<String>,
    is_alive: bool,
    is_stopping: bool,
}

impl ServiceMessage {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn states(&self) -> Vec<NotifyState<'_>> {
        let of = |is_told: bool, state| is_told.then_some(state);
        let states = [
            of(self.is_ready, NotifyState::Ready),
            self.status.as_deref().map(NotifyState::Status),
            of(self.is_alive, NotifyState::Watchdog),
            of(self.is_stopping, NotifyState::Stopping),
        ];
        states.into_iter().flatten().collect()
    }
}

#[derive(Debug, Default)]
struct OutboxState {
    waiting: ServiceMessage,
    /// A message is just being sent.
    is_sending: bool,
    /// It was said once that the program serves.
    said_ready: bool,
}

#[derive(Debug, Default)]
struct Outbox {
    state: Mutex<OutboxState>,
    changed: Condvar,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, OutboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something in, and does not wait for anybody who reads it.
    fn tell(&self, change: impl FnOnce(&mut OutboxState)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Takes out all that waits, as soon as something does.
    fn take(&self) -> ServiceMessage {
        let mut state = self.state();
        state.is_sending = false;
        self.changed.notify_all();
        let mut state = self
            .changed
            .wait_while(state, |state| state.waiting.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        state.is_sending = true;
        mem::take(&mut state.waiting)
    }

    /// Waits until everything is sent, up to `limit`.
    fn drain(&self, limit: Duration) {
        let state = self.state();
        let is_busy = |state: &mut OutboxState| state.is_sending || !state.waiting.is_empty();
        drop(self.changed.wait_timeout_while(state, limit, is_busy));
    }
}

fn outbox() -> Option<&'static Outbox> {
    static OUTBOX: OnceLock<Option<&'static Outbox>> = OnceLock::new();
    let start = || {
        env::var_os("NOTIFY_SOCKET")?;
        let outbox: &'static Outbox = Box::leak(Box::default());
        let thread = thread::Builder::new().name("service".to_owned());
        thread.spawn(move || send_all(outbox)).ok()?;
        Some(outbox)
    };
    *OUTBOX.get_or_init(start)
}

fn send_all(outbox: &Outbox) {
    let mut has_failed = false;
    loop {
        let message = outbox.take();
        // A service manager that cannot be reached is no reason to stop.
        if let Err(error) = sd_notify::notify(&message.states())
            && !mem::replace(&mut has_failed, true)
        {
            let what = "cannot tell the service manager at NOTIFY_SOCKET what this service does";
            say(
                "heartline",
                format_args!("{what}: {error}; take Type=exec without WatchdogSec= for its unit"),
            );
        }
    }
}

fn tell(change: impl FnOnce(&mut OutboxState)) {
    if let Some(outbox) = outbox() {
        outbox.tell(change);
    }
}

/// Says that the program serves, and what it does. Only the first call says that it is ready; later ones change the status.
pub fn ready(status: &str) {
    tell(|state| {
        state.waiting.is_ready |= !mem::replace(&mut state.said_ready, true);
        state.waiting.status = Some(one_line(status));
    });
}

/// Says what the program does, or why it does not yet serve: `systemctl status` shows it.
pub fn status(status: &str) {
    tell(|state| state.waiting.status = Some(one_line(status)));
}

/// Says that the program ends in an orderly way. Does not wait: [`last_word`] does, when everything else is done.
pub fn stopping() {
    tell(|state| state.waiting.is_stopping = true);
}

/// Waits until the service manager has been told everything, for a tenth of a second at most.
pub fn last_word() {
    if let Some(outbox) = outbox() {
        outbox.drain(LAST_WORD);
    }
}

/// Each line of a message is an assignment of its own.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// Tells the service manager's watchdog that a loop turns. It belongs into the loop that does the work, so that a loop that
/// hangs is noticed. Without a watchdog it does nothing.
#[derive(Debug)]
pub struct Watchdog {
    interval: Option<Duration>,
    fed: Option<Instant>,
}

impl Watchdog {
    /// The watchdog that the service manager has asked for by `WATCHDOG_USEC`. It is fed twice in that time.
    pub fn start() -> Self {
        // The thread of the messages must not inherit the priority of a thread that feeds it later.
        let is_told = outbox().is_some();
        let limit = sd_notify::watchdog_enabled().filter(|_| is_told);
        Self {
            interval: limit.map(|limit| limit / 2),
            fed: None,
        }
    }

    /// The loop has turned. As often as it likes: only what is due is sent.
    pub fn feed(&mut self) {
        let Some(interval) = self.interval else {
            return;
        };
        let now = Instant::now();
        if self
            .fed
            .is_none_or(|fed| now.duration_since(fed) >= interval)
        {
            self.fed = Some(now);
            tell(|state| state.waiting.is_alive = true);
        }
    }

    /// Waits until the next feeding is due; for ever without a watchdog. For loops that may have nothing else to do.
    /// Cancel-safe.
    pub async fn due(&self) {
        match (self.interval, self.fed) {
            (None, _) => std::future::pending().await,
            (Some(_), None) => {}
            (Some(interval), Some(fed)) => tokio::time::sleep_until((fed + interval).into()).await,
        }
    }

    /// Waits for something that has a limit of its own, and feeds meanwhile.
    pub async fn while_waiting<T>(&mut self, limited: impl Future<Output = T>) -> T {
        let mut limited = std::pin::pin!(limited);
        loop {
            tokio::select! {
                outcome = &mut limited => return outcome,
                () = self.due() => self.feed(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_cannot_hold_another_assignment() {
        assert_eq!(one_line("a\nREADY=1\r"), "a READY=1 ");
    }

    #[test]
    fn what_waits_for_a_busy_service_manager_is_the_newest_of_each_kind() {
        let outbox = Outbox::default();
        for status in ["one", "two"] {
            outbox.tell(|state| {
                state.waiting.is_ready = true;
                state.waiting.status = Some(status.to_owned());
            });
        }
        outbox.tell(|state| state.waiting.is_stopping = true);
        let message = outbox.take();
        let expected = [
            NotifyState::Ready,
            NotifyState::Status("two"),
            NotifyState::Stopping,
        ];
        assert_eq!(format!("{:?}", message.states()), format!("{expected:?}"));
        assert!(outbox.state().waiting.is_empty());
    }

    #[tokio::test]
    async fn without_a_service_manager_a_watchdog_is_never_due() {
        let mut watchdog = Watchdog {
            interval: None,
            fed: None,
        };
        watchdog.feed();
        assert_eq!(watchdog.while_waiting(async { 7 }).await, 7);
        let due = tokio::time::timeout(Duration::from_millis(20), watchdog.due());
        assert!(due.await.is_err());
    }

    #[tokio::test]
    async fn a_watchdog_is_due_at_once_and_then_after_half_of_its_time() {
        let mut watchdog = Watchdog {
            interval: Some(Duration::from_secs(3600)),
            fed: None,
        };
        watchdog.due().await;
        watchdog.feed();
        let first = watchdog.fed.expect("fed");
        watchdog.feed();
        assert_eq!(watchdog.fed, Some(first));
        let due = tokio::time::timeout(Duration::from_millis(20), watchdog.due());
        assert!(due.await.is_err());
    }
}
