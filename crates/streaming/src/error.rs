//! What can go wrong between stdin and stdout.

use std::io;

/// A failure of the data path. The side on which it happened decides the program's message and exit code.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The input could not be read.
    #[error("cannot read stdin: {0}")]
    Read(io::Error),
    /// The output could not be written.
    #[error("cannot write stdout: {0}")]
    Write(io::Error),
}

impl StreamError {
    /// Whether the reader of our output has gone (`| head -1`): not an error of this program, so it prints nothing.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closed_reader_is_a_broken_pipe() {
        let error = |kind| io::Error::from(kind);
        assert!(StreamError::Write(error(io::ErrorKind::BrokenPipe)).is_broken_pipe());
        assert!(!StreamError::Write(error(io::ErrorKind::StorageFull)).is_broken_pipe());
        assert!(!StreamError::Read(error(io::ErrorKind::BrokenPipe)).is_broken_pipe());
    }
}
