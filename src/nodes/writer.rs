//! Writes a node's files beside its beats: a file system that hangs keeps nothing else from going on.

use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use super::message::Entries;
use super::place::Place;

/// The names of the files that were written.
pub(super) type Outcome = anyhow::Result<Vec<PathBuf>>;

/// One write at a time, always of the newest.
#[derive(Debug)]
pub(super) struct Writer {
    place: Place,
    /// What the files are to say, once it is known.
    wanted: Option<Arc<Entries>>,
    /// They were not yet made to say it, or are to be looked at again.
    is_due: bool,
    under_way: Option<oneshot::Receiver<Outcome>>,
}

impl Writer {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            wanted: None,
            is_due: false,
            under_way: None,
        }
    }

    /// What the files were last to say.
    pub(super) fn wanted(&self) -> Option<&Entries> {
        self.wanted.as_deref()
    }

    /// From now on the files are to say this.
    pub(super) fn want(&mut self, entries: Entries) {
        self.wanted = Some(Arc::new(entries));
        self.look();
    }

    /// Somebody else may have changed them.
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
        self.is_due = false;
        let (tell, told) = oneshot::channel();
        let (place, entries) = (self.place.clone(), Arc::clone(entries));
        // Not one of the runtime's: its end would wait for it.
        let started = thread::Builder::new()
            .name("files".to_owned())
            .spawn(move || {
                let written = place.apply(&entries);
                let owned = written.map(|paths| paths.into_iter().map(PathBuf::from).collect());
                // The agent may have ended.
                let _ = tell.send(owned);
            });
        if started.is_ok() {
            self.under_way = Some(told);
        } else {
            self.is_due = true;
        }
    }

    /// How the write went that is under way; pending while there is none.
    ///
    /// # Cancellation safety
    /// Nothing is lost when the future is dropped.
    pub(super) async fn done(&mut self) -> Outcome {
        let Some(under_way) = &mut self.under_way else {
            return pending().await;
        };
        let outcome = under_way.await;
        self.under_way = None;
        self.start();
        outcome.unwrap_or_else(|_| Err(io::Error::other("the files were not written").into()))
    }

    /// Takes the blocks out, after what is under way.
    pub(super) async fn clear(mut self) -> Outcome {
        self.is_due = false;
        if self.under_way.is_some() {
            let _ = self.done().await;
        }
        let written = self.place.clear()?;
        Ok(written.into_iter().map(PathBuf::from).collect())
    }
}
