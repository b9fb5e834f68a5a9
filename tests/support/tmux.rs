//! A real terminal: a shell in a tmux of its own, whose screen a test reads and whose keys it presses.

use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{Guarded, SOON, wait_until};

/// The shell's prompt.
const PROMPT: &str = "tmux$";

/// A terminal with a shell. It ends with this value.
pub(crate) struct Tmux {
    folder: TempDir,
    _server: Guarded,
    /// What was on the screen when it was looked at last.
    seen: RefCell<String>,
}

impl Tmux {
    /// Starts a shell on a terminal of this size.
    pub(crate) fn start(width: u16, height: u16) -> Self {
        let folder = TempDir::with_prefix("heartline-tmux-").expect("a temporary folder");
        let mut command = Command::new("tmux");
        command.args(["-u", "-D", "-f", "/dev/null", "-S"]);
        command.arg(folder.path().join("socket"));
        command.env_remove("TMUX").env("SHELL", "/bin/sh");
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        let server = Guarded::spawn(quiet.stderr(Stdio::null()));
        let tmux = Self {
            folder,
            _server: server,
            seen: RefCell::default(),
        };
        let (width, height) = (width.to_string(), height.to_string());
        let shell = format!("PS1='{PROMPT} ' exec bash --norc --noprofile -i");
        let session = ["new-session", "-d", "-x", &width, "-y", &height, &shell];
        wait_until("tmux listens", SOON, || tmux.ask(&session).is_some());
        tmux.wait_for(PROMPT);
        tmux
    }

    /// The folder of this terminal, for files of the test.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The output of a command of tmux; `None` if it fails.
    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("tmux");
        // Without `-N` a command that is earlier than the server starts another one, which outlives the test.
        command
            .args(["-u", "-N", "-S"])
            .arg(self.folder.path().join("socket"));
        let output = command.env_remove("TMUX").args(arguments).output();
        let output = output.expect("tmux runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }

    /// Presses keys by tmux's names: `a`, `Enter`, `C-z`, `F9`.
    pub(crate) fn press(&self, keys: &[&str]) {
        self.ask(&[&["send-keys"], keys].concat())
            .expect("it takes keys");
    }

    /// Writes a text.
    pub(crate) fn write(&self, text: &str) {
        self.ask(&["send-keys", "-l", text])
            .expect("it takes a text");
    }

    /// Writes a command to the shell.
    pub(crate) fn command(&self, line: &str) {
        self.write(line);
        self.press(&["Enter"]);
    }

    /// The lines on the screen.
    pub(crate) fn screen(&self) -> String {
        let screen = self.ask(&["capture-pane", "-p"]).unwrap_or_default();
        self.seen.replace(screen.clone());
        screen
    }

    /// The same with the escape sequences of colours and styles.
    pub(crate) fn styled(&self) -> String {
        self.ask(&["capture-pane", "-p", "-e"]).unwrap_or_default()
    }

    /// Waits until the screen holds a text.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is as hoped.
    pub(crate) fn wait_until(&self, what: &str, hoped: impl Fn(&str) -> bool) {
        let end = std::time::Instant::now() + SOON;
        while !hoped(&self.screen()) {
            let seen = self.seen.borrow();
            assert!(
                std::time::Instant::now() < end,
                "not within {SOON:?}: {what}; screen:\n{seen}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether a program shows a picture of its own instead of the shell's lines, and whether the cursor is visible.
    pub(crate) fn picture_and_cursor(&self) -> (bool, bool) {
        let flags = self.ask(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        let flags = flags.expect("a terminal");
        let mut flags = flags.split_whitespace().map(|flag| flag == "1");
        let mut next = || flags.next().expect("a flag");
        (next(), next())
    }

    /// The modes of the terminal as `stty` shows them, for a shell that waits.
    pub(crate) fn modes(&self) -> String {
        let path = self.folder.path().join("modes");
        let _ = std::fs::remove_file(&path);
        // Only when it is complete has it its name.
        let part = path.with_extension("part");
        let (part, whole) = (part.display(), path.display());
        self.command(&format!("stty -a >{part}; mv {part} {whole}"));
        wait_until("stty has written", SOON, || path.exists());
        std::fs::read_to_string(path).expect("modes")
    }
}
