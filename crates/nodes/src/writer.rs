//! Writes a node's files in a thread of its own: a filesystem that hangs does not stop the heartbeats.

use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use humantime::format_duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::PROGRAM;
use super::managed_files::ManagedFiles;
use super::message::Entries;
use heartline_process::say::say;

/// A write that takes longer counts as failed until it has ended. A busy disk may take some seconds.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// The paths of the files that were written.
pub(super) type Outcome = anyhow::Result<Vec<PathBuf>>;

/// Runs one write at a time, always of the newest entries.
#[derive(Debug)]
pub(super) struct Writer {
    place: ManagedFiles,
    /// The entries for the files; `None` until the server has sent them.
    wanted: Option<Arc<Entries>>,
    /// Whether the files must be written, or checked again.
    is_due: bool,
    under_way: Option<UnderWay>,
}

/// A write that is running.
#[derive(Debug)]
struct UnderWay {
    finished: oneshot::Receiver<Outcome>,
    /// When the write counts as failed; `None` once that was reported.
    until: Option<Instant>,
}

impl Writer {
    pub(super) fn new(place: ManagedFiles) -> Self {
        Self {
            place,
            wanted: None,
            is_due: false,
            under_way: None,
        }
    }

    /// The latest entries for the files.
    pub(super) fn wanted(&self) -> Option<&Entries> {
        self.wanted.as_deref()
    }

    /// Sets the entries for the files.
    pub(super) fn want(&mut self, entries: Entries) {
        self.wanted = Some(Arc::new(entries));
        self.look();
    }

    /// Requests a check of the files: another program may have changed them.
    pub(super) fn look(&mut self) {
        self.is_due = true;
        self.start();
    }

    fn start(&mut self) {
        let Some(entries) = self.wanted.as_ref().filter(|_| self.is_due) else {
            return;
        };
        if self.under_way.is_some() {
            return;
        }
        let entries = Arc::clone(entries);
        let started = self.begin(move |place| owned(place.apply(&entries)));
        self.is_due = started.is_err();
    }

    /// Starts the work on the files in a thread. It is no thread of the runtime, whose shutdown would wait for it.
    fn begin(
        &mut self,
        work: impl FnOnce(&ManagedFiles) -> Outcome + Send + 'static,
    ) -> io::Result<()> {
        let (finish, finished) = oneshot::channel();
        let place = self.place.clone();
        let thread = thread::Builder::new().name("files".to_owned());
        thread.spawn(move || {
            // The agent may have stopped.
            let _ = finish.send(work(&place));
        })?;
        self.under_way = Some(UnderWay {
            finished,
            until: Some(Instant::now() + WRITE_TIMEOUT),
        });
        Ok(())
    }

    /// The outcome of the running write; pending while there is none. A write that hangs is reported once as a failure,
    /// and again with its outcome when it has ended.
    ///
    /// # Cancellation safety
    /// Nothing is lost when the future is dropped.
    pub(super) async fn done(&mut self) -> Outcome {
        let Some(UnderWay { finished, until }) = &mut self.under_way else {
            return pending().await;
        };
        let outcome = match *until {
            None => finished.await,
            Some(at) => {
                let Ok(outcome) = timeout_at(at, &mut *finished).await else {
                    *until = None;
                    return Err(anyhow!(
                        "{} are not written after {}: their file system does not answer",
                        self.place,
                        format_duration(WRITE_TIMEOUT)
                    ));
                };
                outcome
            }
        };
        self.under_way = None;
        self.start();
        outcome.unwrap_or_else(|_| Err(io::Error::other("the files were not written").into()))
    }

    /// Removes the blocks, after the running write.
    pub(super) async fn clear(mut self) -> Outcome {
        self.wanted = None;
        if self.under_way.is_some() {
            let last = self.done().await;
            if self.under_way.is_some() {
                return last;
            }
        }
        self.begin(|place| owned(place.clear()))?;
        self.done().await
    }
}

fn owned(written: anyhow::Result<Vec<&std::path::Path>>) -> Outcome {
    written.map(|paths| paths.into_iter().map(PathBuf::from).collect())
}

pub(super) fn log_written(written: &[PathBuf]) {
    for path in written {
        say(PROGRAM, format_args!("{} is written", path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Account;
    use super::*;

    fn writer() -> Writer {
        let account = Account {
            name: "hadoop".parse().expect("a name"),
            home: "/nonexistent".into(),
            ids: None,
        };
        Writer::new(ManagedFiles::new(
            "/nonexistent/h".into(),
            "/nonexistent/k".into(),
            Some("/nonexistent/known".into()),
            account,
        ))
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_hangs_is_reported_once_and_again_when_it_ends() {
        let mut writer = writer();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        let work = move |_: &ManagedFiles| {
            let _ = finished.recv();
            Ok(vec!["hosts".into()])
        };
        writer.begin(work).expect("begun");
        let began = Instant::now();
        let late = writer.done().await.expect_err("it hangs").to_string();
        assert!(late.contains("does not answer"), "{late}");
        assert_eq!(began.elapsed(), WRITE_TIMEOUT);
        let more = tokio::time::timeout(WRITE_TIMEOUT * 100, writer.done()).await;
        assert!(more.is_err(), "it is reported once");
        finish.send(()).expect("it waits");
        let written = writer.done().await.expect("it has ended");
        assert_eq!(written, [PathBuf::from("hosts")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leave_does_not_wait_for_ever() {
        let mut writer = writer();
        let (_finish, finished) = std::sync::mpsc::channel::<()>();
        let work = move |_: &ManagedFiles| {
            let _ = finished.recv();
            Ok(Vec::new())
        };
        writer.begin(work).expect("begun");
        writer.clear().await.expect_err("it hangs");
    }
}
