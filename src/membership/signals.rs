//! The signals that ask a member to leave.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

use super::post::Leaving;
use crate::keeper::is_ignored;

/// Sends an order for each signal: a service manager's `TERM`, a terminal's `INT` and `HUP`. What was
/// ignored when the program started stays ignored (`nohup`); where one cannot be caught it keeps its
/// usual effect.
pub(super) fn listen(orders: &UnboundedSender<Leaving>) {
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        if is_ignored(kind.as_raw_value()) {
            continue;
        }
        let Ok(mut signals) = signal(kind) else {
            continue;
        };
        let orders = orders.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if orders.send(Leaving::Signal(kind.as_raw_value())).is_err() {
                    return;
                }
            }
        });
    }
}
