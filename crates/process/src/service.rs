//! What the system's service manager is told: that a program serves, what it does, that its work goes on, and that it ends
//! (`sd_notify(3)`, the protocol of systemd).
//!
//! Without `NOTIFY_SOCKET` in the environment nobody is told, and nothing is started. The messages are sent by a thread of
//! their own: a service manager that does not read must not delay a heartbeat.

use std::env;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// Maximum number of messages that wait for the service manager; more are dropped, and its watchdog sees that.
const MOST_WAITING: usize = 16;

/// How long an orderly end waits until the service manager has the message of it.
const LAST_WORD: Duration = Duration::from_millis(100);

enum ServiceMessage {
    Ready(String),
    Status(String),
    Alive,
    Stopping(SyncSender<()>),
}

fn sender() -> Option<&'static SyncSender<ServiceMessage>> {
    static SENDER: OnceLock<Option<SyncSender<ServiceMessage>>> = OnceLock::new();
    let start = || {
        env::var_os("NOTIFY_SOCKET")?;
        let (sender, messages) = sync_channel(MOST_WAITING);
        let thread = thread::Builder::new().name("service".to_owned());
        thread.spawn(move || send_all(&messages)).ok()?;
        Some(sender)
    };
    SENDER.get_or_init(start).as_ref()
}

fn send_all(messages: &Receiver<ServiceMessage>) {
    for message in messages {
        // A service manager that cannot be reached is no reason to stop.
        let _ = match &message {
            ServiceMessage::Ready(status) => {
                sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)])
            }
            ServiceMessage::Status(status) => sd_notify::notify(&[NotifyState::Status(status)]),
            ServiceMessage::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
            ServiceMessage::Stopping(_) => sd_notify::notify(&[NotifyState::Stopping]),
        };
        if let ServiceMessage::Stopping(sent) = message {
            let _ = sent.try_send(());
        }
    }
}

fn tell(message: ServiceMessage) {
    if let Some(sender) = sender() {
        let _ = sender.try_send(message);
    }
}

/// Says that the program serves, and what it does. Only the first call says that it is ready; later ones change the status.
pub fn ready(status: &str) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let message = if TOLD.swap(true, Ordering::Relaxed) {
        ServiceMessage::Status
    } else {
        ServiceMessage::Ready
    };
    tell(message(one_line(status)));
}

/// Says what the program does, or why it does not yet serve: `systemctl status` shows it.
pub fn status(status: &str) {
    tell(ServiceMessage::Status(one_line(status)));
}

/// Says that the program ends in an orderly way. Waits for a tenth of a second at most.
pub fn stopping() {
    let (sent, wait) = sync_channel(1);
    if let Some(sender) = sender()
        && sender.try_send(ServiceMessage::Stopping(sent)).is_ok()
    {
        let _ = wait.recv_timeout(LAST_WORD);
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
        let is_told = sender().is_some();
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
            tell(ServiceMessage::Alive);
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
