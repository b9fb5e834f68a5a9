//! The two ends of a command: its stdin and its stdout, seen from the side that feeds it.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::stdio::{stdin, stdout};

use crate::progress::Progress;
use heartline_core::condition::{InputFill, OutputFill};

/// Identifies an open file, pipe or socket: all copies of it have the same identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl FileIdentity {
    /// The identity of an open file. Both ends of a pipe have the same one.
    pub fn of(file: impl AsFd) -> Option<Self> {
        Some(Self::from_stat(&rustix::fs::fstat(file).ok()?))
    }

    /// The identity of the file at a path; for `/proc/PID/fd/N`, of the open file.
    pub(super) fn at(path: &Path) -> Option<Self> {
        Some(Self::from_stat(&rustix::fs::stat(path).ok()?))
    }

    fn from_stat(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }
}

/// The identities of a command's stdin and stdout, to find them among the files its processes wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Its stdin.
    pub input: Option<FileIdentity>,
    /// Its stdout.
    pub output: Option<FileIdentity>,
}

impl Ends {
    /// This process's own stdin and stdout.
    pub fn own() -> Self {
        Self {
            input: FileIdentity::of(stdin()),
            output: FileIdentity::of(stdout()),
        }
    }
}

/// How full a command's input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Bytes that the command could read now, if known.
    pub unread: Option<u64>,
    /// Whether nothing will come after these bytes.
    pub ended: bool,
}

impl Input {
    /// Looks at an open file that the command reads from, or at the other end of its pipe. The end of the input is
    /// visible only at the reading end; at the writing end, its holder knows whether it has closed the pipe.
    pub fn of(file: impl AsFd) -> Self {
        let file = file.as_fd();
        let Ok(stat) = rustix::fs::fstat(file) else {
            return Self::default();
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            let size = u64::try_from(stat.st_size).unwrap_or_default();
            let unread = rustix::fs::tell(file).ok();
            let unread = unread.map(|position| size.saturating_sub(position));
            return Self {
                unread,
                ended: unread == Some(0),
            };
        }
        // In this order: after a hang-up nothing more is written.
        let events = events(file, PollFlags::IN | PollFlags::RDHUP);
        let hung_up = events.intersects(PollFlags::HUP | PollFlags::RDHUP);
        let unread = rustix::io::ioctl_fionread(file).ok();
        Self {
            unread,
            ended: hung_up && unread == Some(0),
        }
    }

    /// The fill level for the classifier.
    pub fn fill(self) -> InputFill {
        match self.unread {
            Some(1..) => InputFill::Unread,
            _ if self.ended => InputFill::Ended,
            Some(0) => InputFill::Empty,
            None => InputFill::Unknown,
        }
    }
}

/// How full a command's output is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Whether the next write has to wait for the reader, if known.
    pub full: Option<bool>,
}

impl Output {
    /// Looks at an open file that the command writes to.
    pub fn of(file: impl AsFd) -> Self {
        let events = events(
            file.as_fd(),
            PollFlags::OUT | PollFlags::ERR | PollFlags::HUP,
        );
        Self {
            full: Some(events.is_empty()),
        }
    }

    /// The fill level for the classifier.
    pub fn fill(self) -> OutputFill {
        match self.full {
            Some(true) => OutputFill::Full,
            Some(false) => OutputFill::Room,
            None => OutputFill::Unknown,
        }
    }
}

fn events(file: BorrowedFd<'_>, wanted: PollFlags) -> PollFlags {
    let mut asked = [PollFd::new(&file, wanted)];
    match poll(&mut asked, Some(&Timespec::default())) {
        Ok(_) => asked[0].revents(),
        // If a file cannot be polled, assume that no process waits for it.
        Err(_) => PollFlags::ERR,
    }
}

/// How full a pipe is that another process has open at `/proc/PID/fd/N` for reading. Opens it for
/// a moment; leaves everything but pipes alone.
pub(super) fn input_at(path: &Path) -> Input {
    open_pipe(path, OFlags::RDONLY).map_or_else(Input::default, Input::of)
}

/// How full a pipe is that another process has open at `/proc/PID/fd/N` for writing.
pub(super) fn output_at(path: &Path) -> Output {
    open_pipe(path, OFlags::WRONLY).map_or_else(Output::default, Output::of)
}

fn open_pipe(path: &Path, how: OFlags) -> Option<rustix::fd::OwnedFd> {
    let stat = rustix::fs::stat(path).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Fifo {
        return None;
    }
    let how = how | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    rustix::fs::open(path, how, Mode::empty()).ok()
}

/// How far a command has come, and how full its pipes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandFlow {
    /// Bytes that the command has read.
    pub bytes_in: u64,
    /// Bytes that the command has written.
    pub bytes_out: u64,
    /// The command's input; the sampler looks in `/proc` for what is unknown here.
    pub input: Input,
    /// The command's output; the sampler looks in `/proc` for what is unknown here.
    pub output: Output,
}

impl CommandFlow {
    /// The flow of a command between two pipes: `written` bytes were put into the first one, `read` bytes were
    /// taken out of the second. Count the written bytes before you look at the pipe: otherwise a byte on its
    /// way looks as if the command had read it.
    pub fn relayed(written: u64, read: u64, input: Input, output: Output) -> Self {
        Self {
            bytes_in: written.saturating_sub(input.unread.unwrap_or_default()),
            bytes_out: read,
            input,
            output,
        }
    }
}

/// The side that feeds a command and knows its progress. Called from the monitor's thread, several
/// times a second; must not block.
pub trait FlowSource: Send {
    /// How far the command is now.
    fn flow(&mut self) -> CommandFlow;

    /// The last record that the command was given, or its beginning, for people to read.
    fn last_record(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// A data path in this process, from its stdin to its stdout.
#[derive(Clone, Debug)]
pub struct OwnStreams {
    progress: Arc<Progress>,
}

impl OwnStreams {
    /// Creates the streams of a data path that counts in `progress`.
    pub fn new(progress: Arc<Progress>) -> Self {
        Self { progress }
    }
}

impl FlowSource for OwnStreams {
    fn flow(&mut self) -> CommandFlow {
        CommandFlow {
            bytes_in: self.progress.bytes_in(),
            bytes_out: self.progress.bytes_out(),
            input: Input::of(stdin()),
            output: Output::of(stdout()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, SeekFrom, Write, pipe};

    use super::*;

    #[test]
    fn a_pipe_shows_unread_bytes_at_both_ends_and_its_end_at_one() {
        let (mut reader, mut writer) = pipe().unwrap();
        assert_eq!(Input::of(&reader).fill(), InputFill::Empty);
        writer.write_all(b"words").unwrap();
        assert_eq!(Input::of(&reader).unread, Some(5));
        assert_eq!(Input::of(&writer).unread, Some(5));
        drop(writer);
        assert_eq!(Input::of(&reader).fill(), InputFill::Unread);
        reader.read_exact(&mut [0; 5]).unwrap();
        assert_eq!(Input::of(&reader).fill(), InputFill::Ended);
    }

    #[test]
    fn a_file_shows_the_bytes_behind_its_position() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"words").unwrap();
        assert_eq!(Input::of(&file).fill(), InputFill::Ended);
        file.seek(SeekFrom::Start(2)).unwrap();
        assert_eq!(Input::of(&file).unread, Some(3));
        assert_eq!(Output::of(&file).fill(), OutputFill::Room);
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_full_until_it_is_read() {
        let (mut reader, writer) = pipe().unwrap();
        assert_eq!(Output::of(&writer).fill(), OutputFill::Room);
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        while (&writer).write(&[b'x'; 4096]).is_ok() {}
        assert_eq!(Output::of(&writer).fill(), OutputFill::Full);
        reader.read_exact(&mut [0; 8192]).unwrap();
        assert_eq!(Output::of(&writer).fill(), OutputFill::Room);
        drop(reader);
        // The next write fails; it does not wait.
        assert_eq!(Output::of(&writer).fill(), OutputFill::Room);
    }

    #[test]
    fn both_ends_of_a_pipe_are_the_same_pipe() {
        let (reader, writer) = pipe().unwrap();
        let (other, _kept) = pipe().unwrap();
        assert_eq!(FileIdentity::of(&reader), FileIdentity::of(&writer));
        assert_ne!(FileIdentity::of(&reader), FileIdentity::of(&other));
    }

    #[test]
    fn what_is_unread_has_not_been_taken() {
        let input = Input {
            unread: Some(30),
            ended: false,
        };
        let flow = CommandFlow::relayed(100, 7, input, Output::default());
        assert_eq!((flow.bytes_in, flow.bytes_out), (70, 7));
    }
}
