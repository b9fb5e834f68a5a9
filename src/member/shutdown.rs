//! When a member has to leave: its work is done, or a signal says so.

use std::time::Duration;

use signal_hook::low_level::emulate_default_handler;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::stall_policy::Kill;
use crate::protocol::Ending;

/// The order to leave.
#[derive(Clone, Debug)]
pub struct ShutdownOrder {
    /// How the work ended.
    pub ending: Ending,
    /// The signal that ends the process, if one does.
    pub signal: Option<i32>,
    /// Why the master has it end, if it does.
    pub killed: Option<String>,
}

/// Who deals with what ends a process from outside: signals (`TERM`, `INT`, `HUP`), and an order of the
/// master.
pub enum Signals {
    /// The heartbeat does: the member takes leave, then the process ends by the signal, or as failed, for the reason
    /// that is handed to this before.
    Heartbeat(Kill),
    /// The program does, which has something to end first, and is told of an order by this; the heartbeat
    /// waits for its word alone.
    Program(Kill),
}

/// What has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShutdownStage {
    /// The order to leave; how long that may take is limited from here on.
    Ordered,
    /// The limit has passed.
    Deadline,
}

/// Waits for the order to leave, then for the end of the time that leaving may take.
#[derive(Debug)]
pub struct Shutdown {
    limit: Duration,
    order: oneshot::Receiver<ShutdownOrder>,
    stop: Option<(ShutdownOrder, Instant)>,
}

impl Shutdown {
    /// Waits for the program's word or for a signal, whichever comes first. The signals are those by
    /// which a task is ended: YARN's and the shell's `TERM`, a terminal's `INT` and `HUP`. Where one
    /// cannot be caught it keeps its usual effect.
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
            // What was ignored when the program started stays ignored: `nohup`, and `&` in a script.
            .filter(|kind| !is_ignored(kind.as_raw_value()))
            .filter_map(|kind| Some((kind, signal(kind).ok()?)))
            .collect();
        // In a task of its own: the loop that beats should not have four things more to look at.
        tokio::spawn(async move {
            let stop = tokio::select! {
                ending = work => ShutdownOrder {
                    // A handle that was dropped without a word is a program that failed.
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
            // Without a member that takes leave, a signal has its usual effect at once.
            if let Err(stop) = tell.send(stop)
                && let Some(signal) = stop.signal
            {
                let _ = emulate_default_handler(signal);
            }
        });
        Self::new(order, limit)
    }

    /// Waits for the program's word alone.
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

    /// Waits for `order`; from then on leaving may take as long as `limit`.
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

    /// What is left of the time that leaving may take.
    pub(super) fn remaining(&self) -> Duration {
        self.stop.as_ref().map_or(self.limit, |(_, deadline)| {
            deadline.saturating_duration_since(Instant::now())
        })
    }

    /// The next thing that comes.
    ///
    /// # Cancellation safety
    /// What has come is kept: the next call goes on from there.
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

/// Whether this process ignores a signal, as Linux tells it; elsewhere it is taken not to.
fn is_ignored(signal: i32) -> bool {
    // The name in it may be cut within a character.
    let status = std::fs::read("/proc/self/status").unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// The first of the signals to come.
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
