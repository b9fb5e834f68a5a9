//! The terminal while it shows the picture, and how it is given back: after a key, a signal, an error or a panic.

use std::io::{self, BufWriter};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::process::{Pid, Signal, getpgid, getpid, getsid, kill_process};
use tokio::sync::mpsc;

use super::held_stderr;
use super::keys::Key;
use heartline_process::stdio::{self, Out};

/// Size of the buffer of a picture, so that it arrives as a whole.
const PICTURE_BYTES: usize = 64 * 1024;
/// Maximum number of keys that wait.
const MOST_KEYS: usize = 256;

/// Whether the screen is taken.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What the user of the terminal did.
#[derive(Debug)]
pub(super) enum Input {
    Key(Key),
    /// Text was pasted.
    Text(String),
    /// The terminal has another size.
    Size,
}

/// The terminal with the picture. Dropped, it gives the screen back.
#[derive(Debug)]
pub(super) struct TakenTerminal {
    screen: Terminal<CrosstermBackend<BufWriter<Out>>>,
}

impl TakenTerminal {
    /// Takes the screen. Fails if stdout is no terminal.
    pub(super) fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        let picture = BufWriter::with_capacity(PICTURE_BYTES, stdio::out());
        let screen = Terminal::new(CrosstermBackend::new(picture))?;
        enter()?;
        Ok(Self { screen })
    }

    /// Draws a picture; only what has changed is written.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        self.screen.draw(|frame| draw(frame.buffer_mut()))?;
        Ok(())
    }

    /// The next picture is drawn as a whole, whatever stands on the screen.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        // `Terminal::clear` asks the terminal for its cursor, and the answer would come to the thread that reads keys.
        let area = self.screen.size()?.into();
        self.screen.resize(area)
    }

    /// Stops this process as SIGTSTP does, with the screen given back until it continues. In a session without job control
    /// nobody would continue it, so that nothing happens there.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        if !has_job_control() {
            return Ok(());
        }
        give_back();
        kill_process(getpid(), Signal::STOP)?;
        self.take_again()
    }

    /// Takes the screen again, since a shell may have changed its modes while this process was stopped.
    pub(super) fn take_again(&mut self) -> io::Result<()> {
        give_back();
        enter()?;
        self.redraw()
    }
}

impl Drop for TakenTerminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether a shell would continue this process: the processes of a session's leader are stopped by nobody's `fg`.
fn has_job_control() -> bool {
    let group: Option<Pid> = getpgid(None).ok();
    group.is_some() && group != getsid(None).ok()
}

fn enter() -> io::Result<()> {
    held_stderr::hold()?;
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(
        stdio::out(),
        EnterAlternateScreen,
        Hide,
        EnableBracketedPaste
    )
}

/// Gives the screen back as it was. Does nothing if it is not taken.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that has gone needs nothing back.
        let _ = execute!(
            stdio::out(),
            DisableBracketedPaste,
            Show,
            LeaveAlternateScreen
        );
        let _ = disable_raw_mode();
    }
    held_stderr::release();
}

/// Reads keys in a thread, which ends with the process. The channel is closed when the terminal cannot be read any more.
pub(super) fn inputs() -> io::Result<mpsc::Receiver<Input>> {
    let (sender, inputs) = mpsc::channel(MOST_KEYS);
    let reading = move || {
        while let Ok(event) = event::read() {
            let inputs = match event {
                Event::Key(key) => Key::of(key).into_iter().map(Input::Key).collect(),
                Event::Paste(text) => vec![Input::Text(text)],
                Event::Resize(..) => vec![Input::Size],
                _ => Vec::new(),
            };
            for input in inputs {
                if sender.blocking_send(input).is_err() {
                    return;
                }
            }
        }
    };
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(reading)?;
    Ok(inputs)
}
