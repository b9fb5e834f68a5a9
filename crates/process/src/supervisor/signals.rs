//! The signals that ask a program to end, and those that it was started to ignore.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

/// Whether this process ignores a signal, according to Linux; always `false` on other systems.
pub fn is_ignored(signal: i32) -> bool {
    // The name in it may be cut within a character.
    let status = std::fs::read("/proc/self/status").unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Sends an order for each signal: `TERM` from a service manager or YARN, `INT` and `HUP` from a terminal. A signal
/// that was ignored when the program started stays ignored (`nohup`); one that cannot be caught keeps its
/// usual effect. Requires a runtime.
pub fn listen<T: Send + 'static>(orders: &UnboundedSender<T>, order: fn(i32) -> T) {
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
                if orders.send(order(kind.as_raw_value())).is_err() {
                    return;
                }
            }
        });
    }
}
