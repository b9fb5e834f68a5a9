//! What a master's detector was told, written to a file: to be judged again by another rule.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::detect::Observation;

/// A file of [`Observation`]s, a line each. Clones write to the same file.
#[derive(Clone, Debug)]
pub struct Recording {
    file: Arc<Mutex<BufWriter<File>>>,
}

impl Recording {
    /// Creates the file, or empties it.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = Arc::new(Mutex::new(BufWriter::new(File::create(path)?)));
        Ok(Self { file })
    }

    /// Adds to the file. What cannot be written is missing from it: the verdicts do not wait.
    pub(super) fn add(&self, seen: &[Observation]) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for observation in seen {
            let _ = writeln!(file, "{observation}");
        }
    }

    /// Writes what is still held back.
    pub(super) fn flush(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.flush();
    }
}
