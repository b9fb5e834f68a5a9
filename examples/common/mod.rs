//! What the examples that run a crowd share: commands from stdin.

use std::io::{self, BufRead};
use std::thread;

use tokio::sync::mpsc;

/// The lines of stdin as they come, until its end.
pub(crate) fn lines_of_stdin() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
