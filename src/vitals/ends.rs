//! The two ends of a command: its stdin and its stdout, as whoever feeds it sees them.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::stdio::{stdin, stdout};

use crate::condition::{InputFill, OutputFill};
use crate::streaming::Progress;

/// Which file, pipe or socket an open file is: all copies of it have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Identity {
    /// Of an open file. Both ends of a pipe have the same.
    pub fn of(file: impl AsFd) -> Option<Self> {
        Some(Self::from_stat(&rustix::fs::fstat(file).ok()?))
    }

    /// Of the file at a path; of `/proc/PID/fd/N`, the open file.
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

/// What a command's stdin and stdout are, to be found again among what its processes wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Its stdin.
    pub input: Option<Identity>,
    /// Its stdout.
    pub output: Option<Identity>,
}

impl Ends {
    /// This process's own stdin and stdout.
    pub fn own() -> Self {
        Self {
            input: Identity::of(stdin()),
            output: Identity::of(stdout()),
        }
    }
}

/// How full a command's input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Bytes that it could read now, if that is known.
    pub unread: Option<u64>,
    /// Nothing will come after these.
    pub ended: bool,
}

impl Input {
    /// Looks at an open file that the command reads from, or at the other end of its pipe. An end is
    /// seen only at the end that is read from; at the other one, whoever closes it knows.
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

    /// As a verdict needs it.
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
    /// Whether its next write has to wait for the reader, if that is known.
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

    /// As a verdict needs it.
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
        // What cannot be asked does not make anybody wait.
        Err(_) => PollFlags::ERR,
    }
}

/// How full a pipe is that another process has open at `/proc/PID/fd/N`, for reading. It is opened for
/// a moment; what is no pipe is left alone.
pub(super) fn input_at(path: &Path) -> Input {
    open_pipe(path, OFlags::RDONLY).map_or_else(Input::default, Input::of)
}

/// How full a pipe is that another process has open at `/proc/PID/fd/N`, for writing.
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

/// How far a command is, and how full its pipes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Bytes that it has taken.
    pub bytes_in: u64,
    /// Bytes that it has given.
    pub bytes_out: u64,
    /// Its input; what is not known is looked for in `/proc`.
    pub input: Input,
    /// Its output; what is not known is looked for in `/proc`.
    pub output: Output,
}

impl Flow {
    /// Of a command that is fed through a pipe: `written` bytes have been put into it, `read` bytes have
    /// been taken out of the pipe that it writes to. Written bytes are to be counted before the pipe is
    /// looked at, or a byte on its way looks as if the command had taken it.
    pub fn relayed(written: u64, read: u64, input: Input, output: Output) -> Self {
        Self {
            bytes_in: written.saturating_sub(input.unread.unwrap_or_default()),
            bytes_out: read,
            input,
            output,
        }
    }
}

/// Whoever feeds a command, and can be asked how it goes. Asked from the monitor's thread, several
/// times a second; must not wait.
pub trait Streams: Send {
    /// How far the command is now.
    fn flow(&mut self) -> Flow;

    /// The last record that the command has got, or its beginning, for people to look at.
    fn last_record(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// A data path in this very process, from its stdin to its stdout.
#[derive(Clone, Debug)]
pub struct OwnStreams {
    progress: Arc<Progress>,
}

impl OwnStreams {
    /// How far it is stands in `progress`.
    pub fn new(progress: Arc<Progress>) -> Self {
        Self { progress }
    }
}

impl Streams for OwnStreams {
    fn flow(&mut self) -> Flow {
        Flow {
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
    fn a_pipe_tells_what_is_unread_at_both_ends_and_its_end_at_one() {
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
    fn a_file_tells_what_is_behind_its_position() {
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
        assert_eq!(Identity::of(&reader), Identity::of(&writer));
        assert_ne!(Identity::of(&reader), Identity::of(&other));
    }

    #[test]
    fn what_is_unread_has_not_been_taken() {
        let input = Input {
            unread: Some(30),
            ended: false,
        };
        let flow = Flow::relayed(100, 7, input, Output::default());
        assert_eq!((flow.bytes_in, flow.bytes_out), (70, 7));
    }
}
