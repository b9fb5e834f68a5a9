//! Records a detector's input in a file, so that another rule can classify it later.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use heartline_core::detect::Observation;

/// A file of [`Observation`]s, one per line. Clones write to the same file.
#[derive(Clone, Debug)]
pub struct Recording {
    file: Arc<Mutex<BufWriter<File>>>,
}

impl Recording {
    /// Creates the file, or truncates it.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = Arc::new(Mutex::new(BufWriter::new(File::create(path)?)));
        Ok(Self { file })
    }

    /// Appends to the file. If a write fails, the observation is missing: verdicts do not wait for the file.
    pub(super) fn add(&self, seen: &[Observation]) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for observation in seen {
            let _ = writeln!(file, "{observation}");
        }
    }

    /// Writes the buffered observations.
    pub(super) fn flush(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.flush();
    }
}
