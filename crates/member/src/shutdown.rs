//! When a member has to leave: its work is done, or a signal or an order ends it.

use std::time::Duration;

use signal_hook::low_level::emulate_default_handler;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::stall_policy::Kill;
use heartline_core::protocol::Ending;

/// The order to leave.
#[derive(Clone, Debug)]
pub struct ShutdownOrder {
    /// How the work ended.
    pub ending: Ending,
    /// The signal that ends the process, if one does.
    pub signal: Option<i32>,
    /// Why the master ended the work, if it did.
    pub killed: Option<String>,
}

/// Who handles the external ways to end a process: signals (`TERM`, `INT`, `HUP`) and an order of the master.
pub enum Signals {
    /// The heartbeat: the member leaves, then the process ends by the signal, or as failed. The reason is
    /// passed to this function before.
    Heartbeat(Kill),
    /// The program, which has something to end first. This function passes an order on to it; the heartbeat
    /// leaves only when the program stops it.
    Program(Kill),
}

/// A stage of the shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShutdownStage {
    /// The order to leave has come; the time limit starts.
    Ordered,
    /// The time limit has passed.
    Deadline,
}

/// Waits for the order to leave, then for the time limit of leaving.
#[derive(Debug)]
pub struct Shutdown {
    limit: Duration,
    order: oneshot::Receiver<ShutdownOrder>,
    stop: Option<(ShutdownOrder, Instant)>,
}

impl Shutdown {
    /// Waits for the program's order or for a signal, whichever comes first. The signals are those that end a
    /// task: `TERM` from YARN and the shell, `INT` and `HUP` from a terminal. A signal that cannot be caught
    /// keeps its usual effect.
    pub(super) fn on_signal_or(
        work: oneshot::Receiver<Ending>,
        mut killed: UnboundedReceiver<String>,
        limit: Duration,
    ) -> Self {
        let (tell, order) = oneshot::channel();
        let kinds = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
        ];
        let mut signals: Vec<(SignalKind, Signal)> = kinds
            .into_iter()
            // A signal that was ignored when the program started stays ignored: `nohup`, and `&` in a script.
            .filter(|kind| !is_ignored(kind.as_raw_value()))
            .filter_map(|kind| Some((kind, signal(kind).ok()?)))
            .collect();
        // In a task of its own: the loop that beats should not poll four more things.
        tokio::spawn(async move {
            let stop = tokio::select! {
                ending = work => ShutdownOrder {
                    // A handle that was dropped without an order means that the program failed.
                    ending: ending.unwrap_or(Ending::Failed),
                    signal: None,
                    killed: None,
                },
                Some(reason) = killed.recv() => ShutdownOrder {
                    ending: Ending::Failed,
                    signal: None,
                    killed: Some(reason),
                },
                number = caught(&mut signals) => ShutdownOrder {
                    ending: Ending::Failed,
                    signal: Some(number),
                    killed: None,
                },
            };
            // If no member is left to leave, a signal has its usual effect at once.
            if let Err(stop) = tell.send(stop)
                && let Some(signal) = stop.signal
            {
                let _ = emulate_default_handler(signal);
            }
        });
        Self::new(order, limit)
    }

    /// Waits only for the program's order.
    pub(super) fn on_word(work: oneshot::Receiver<Ending>, limit: Duration) -> Self {
        let (tell, order) = oneshot::channel();
        tokio::spawn(async move {
            let stop = ShutdownOrder {
                ending: work.await.unwrap_or(Ending::Failed),
                signal: None,
                killed: None,
            };
            // A member that is gone needs no order.
            let _ = tell.send(stop);
        });
        Self::new(order, limit)
    }

    /// Waits for `order`; from then on leaving may take up to `limit`.
    pub fn new(order: oneshot::Receiver<ShutdownOrder>, limit: Duration) -> Self {
        Self {
            limit,
            order,
            stop: None,
        }
    }

    /// The order, once it has come.
    pub(super) fn stop(&self) -> Option<&ShutdownOrder> {
        self.stop.as_ref().map(|(stop, _)| stop)
    }

    /// The time left for leaving.
    pub(super) fn remaining(&self) -> Duration {
        self.stop.as_ref().map_or(self.limit, |(_, deadline)| {
            deadline.saturating_duration_since(Instant::now())
        })
    }

    /// Waits for the next stage.
    ///
    /// # Cancellation safety
    /// A stage that was reached is kept: the next call continues from there.
    pub(super) async fn next(&mut self) -> ShutdownStage {
        if let Some((_, deadline)) = &self.stop {
            sleep_until(*deadline).await;
            return ShutdownStage::Deadline;
        }
        let dropped = ShutdownOrder {
            ending: Ending::Failed,
            signal: None,
            killed: None,
        };
        let stop = (&mut self.order).await.unwrap_or(dropped);
        self.stop = Some((stop, Instant::now() + self.limit));
        ShutdownStage::Ordered
    }
}

/// Whether this process ignores a signal, according to Linux; false on other systems.
fn is_ignored(signal: i32) -> bool {
    // The process name in it may be cut within a character.
    let status = std::fs::read("/proc/self/status").unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Waits for the first of the signals.
async fn caught(signals: &mut [(SignalKind, Signal)]) -> i32 {
    std::future::poll_fn(|context| {
        for (kind, signal) in signals.iter_mut() {
            if signal.poll_recv(context).is_ready() {
                return std::task::Poll::Ready(kind.as_raw_value());
            }
        }
        std::task::Poll::Pending
    })
    .await
}
