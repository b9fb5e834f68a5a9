//! Recordings: all that is told of jobs, in a file, to be played again.
//!
//! - `block`, `delta`, `composer`: the format. Pure.
//! - `file`: the blocks of a file; a file that is written.
//! - `recorder`: records a job while it is shown.
//! - `index`: a file that is read.
//! - `export`: a recording and the page in one file.

mod block;
mod composer;
mod delta;
mod export;
mod file;
mod index;
mod recorder;

pub(crate) use export::html;
pub(crate) use file::RecordingFile;
pub(crate) use index::JobRecording;
pub(crate) use recorder::Recorder;
