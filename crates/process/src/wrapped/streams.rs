//! The command's stdin and stdout: handed over as they are where that shows enough of the progress, passed on by
//! a relay where it does not.

use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::stdio::{dup2_stdin, dup2_stdout, stdin, stdout};
use tokio::sync::oneshot;

use super::counting::Budget;
use super::relay::{End, Relay};
use super::relayed_stream::{RelayedStream, Side};
use super::rest::UnreadInput;
use crate::progress::Progress;
use crate::stdio::enlarge;
use crate::stdio::has_stdin;

/// Bytes per second of each stream that are inspected: more than most commands use, for a few hundredths of a core.
const LOOKED_AT: u64 = 128 * 1024 * 1024;

/// One of the two streams.
#[derive(Debug)]
pub enum Stream {
    /// A pipe or a socket, passed on.
    Relayed(Arc<RelayedStream>),
    /// A regular file, which the command has open itself; this program shares its offset.
    File {
        /// The file.
        file: File,
        /// The offset at the start.
        begin: u64,
    },
    /// A device, a terminal or something else that the command has open itself: its progress is unknown.
    Opaque,
}

impl Stream {
    /// Bytes that have gone through the stream, if known: those passed on into the command's stdin, or
    /// read and written by the command itself.
    pub fn bytes(&self) -> Option<u64> {
        match self {
            Self::Relayed(flow) => Some(flow.bytes()),
            Self::File { file, begin } => {
                let mut file = file;
                Some(file.stream_position().ok()?.saturating_sub(*begin))
            }
            Self::Opaque => None,
        }
    }

    /// For stdin: the bytes that the command has read.
    pub fn taken(&self) -> Option<u64> {
        match self {
            // Negative only for the moment between a byte's arrival and its being counted.
            Self::Relayed(flow) => Some(flow.bytes().saturating_sub(flow.waiting().unwrap_or(0))),
            _ => self.bytes(),
        }
    }

    /// The state of the relay, if there is one.
    pub fn flow(&self) -> Option<&Arc<RelayedStream>> {
        match self {
            Self::Relayed(flow) => Some(flow),
            _ => None,
        }
    }
}

/// The command's stdin and stdout, seen from this side.
#[derive(Clone, Debug)]
pub struct Streams {
    /// The command's stdin.
    pub input: Arc<Stream>,
    /// The command's stdout.
    pub output: Arc<Stream>,
    progress: Arc<Progress>,
}

impl Streams {
    /// Bytes of the input that the command has not read, though they were passed on or read. Known for a pipe or a
    /// socket while the command is no longer running.
    pub(super) fn untaken(&self) -> Option<u64> {
        let flow = self.input.flow()?;
        Some(flow.waiting()? + flow.thrown_away())
    }

    /// Updates the progress that only the files' offsets show.
    pub fn sample(&self) {
        if let (Stream::File { .. }, Some(bytes)) = (&*self.input, self.input.bytes()) {
            self.progress.set_bytes_in(bytes);
        }
        if let (Stream::File { .. }, Some(bytes)) = (&*self.output, self.output.bytes()) {
            self.progress.set_bytes_out(bytes);
        }
    }
}

/// Both streams, before the command has them.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) streams: Streams,
    /// Requests the rest of the input.
    want_rest: Option<Sender<()>>,
    input: (OwnedFd, Option<Relay>),
    output: (OwnedFd, Option<Relay>),
}

/// Receive how each relay has ended.
#[derive(Debug)]
pub(super) struct Relays {
    pub(super) input: Option<oneshot::Receiver<End>>,
    pub(super) output: Option<oneshot::Receiver<End>>,
    /// The relay of the input waits for a message from this, or for its drop, before it closes what is left.
    pub(super) want_rest: Option<Sender<()>>,
}

impl Opened {
    /// Takes this process's own stdin and stdout, which are `/dev/null` from then on: so only the relays and the
    /// programs that read and write hold the ends of a pipe.
    pub(super) fn take(progress: &Arc<Progress>, unread_input: UnreadInput) -> io::Result<Self> {
        // Reading a closed stdin fails. The command's read must fail too, and not look like an empty input.
        let own_in = if has_stdin() {
            stdin().try_clone_to_owned()?
        } else {
            File::options().write(true).open("/dev/null")?.into()
        };
        let own_out = stdout().try_clone_to_owned()?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        let (input, for_command) = open(Side::In, own_in, progress)?;
        let (output, from_command) = open(Side::Out, own_out, progress)?;
        let (mut for_command, mut want_rest) = (for_command, None);
        if unread_input == UnreadInput::Drain {
            let (want, wanted) = channel();
            let relay = for_command.1.take();
            for_command.1 = relay.map(|relay| relay.with_rest(wanted));
            want_rest = Some(want);
        }
        Ok(Self {
            want_rest,
            streams: Streams {
                input: Arc::new(input),
                output: Arc::new(output),
                progress: Arc::clone(progress),
            },
            input: for_command,
            output: from_command,
        })
    }

    /// The files that become the command's stdin and stdout.
    pub(super) fn ends(&self) -> [BorrowedFd<'_>; 2] {
        [self.input.0.as_fd(), self.output.0.as_fd()]
    }

    /// Starts the relays, once the command has its ends.
    pub(super) fn start(self) -> io::Result<(Streams, Relays)> {
        drop((self.input.0, self.output.0));
        let relays = Relays {
            input: start("stdin", self.input.1)?,
            output: start("stdout", self.output.1)?,
            want_rest: self.want_rest,
        };
        Ok((self.streams, relays))
    }
}

fn start(name: &str, relay: Option<Relay>) -> io::Result<Option<oneshot::Receiver<End>>> {
    let Some(relay) = relay else { return Ok(None) };
    let (sender, end) = oneshot::channel();
    let run = move || {
        // The receiver may be gone, if it does not wait for this.
        let _ = sender.send(relay.run());
    };
    thread::Builder::new().name(name.to_owned()).spawn(run)?;
    Ok(Some(end))
}

/// The stream, the command's end of it, and its relay unless the command has the file itself.
type Ends = (Stream, (OwnedFd, Option<Relay>));

fn open(side: Side, own: OwnedFd, progress: &Arc<Progress>) -> io::Result<Ends> {
    let file = File::from(own);
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() || kind.is_socket() {
        return pass_on(side, file.into(), kind.is_fifo(), progress);
    }
    let end = file.try_clone()?.into();
    if !kind.is_file() {
        return Ok((Stream::Opaque, (end, None)));
    }
    let appends = fcntl_getfl(&file)?.contains(OFlags::APPEND);
    // The first write goes to the end, whatever the offset is before.
    let begin = if appends {
        file.metadata()?.len()
    } else {
        (&file).stream_position()?
    };
    Ok((Stream::File { file, begin }, (end, None)))
}

fn pass_on(side: Side, own: OwnedFd, is_piped: bool, progress: &Arc<Progress>) -> io::Result<Ends> {
    let (reading, writing) = pipe_with(PipeFlags::CLOEXEC)?;
    enlarge(&writing);
    if is_piped {
        enlarge(&own);
    }
    let own = Arc::new(own);
    let (from, to, ours, end) = match side {
        Side::In => {
            let writing = Arc::new(writing);
            (own, Arc::clone(&writing), writing, reading)
        }
        Side::Out => {
            let reading = Arc::new(reading);
            (Arc::clone(&reading), own, reading, writing)
        }
    };
    let flow = Arc::new(RelayedStream::new(side, Arc::clone(progress), ours));
    let relay = Relay::new(
        from,
        to,
        Arc::clone(&flow),
        is_piped,
        Budget::new(LOOKED_AT),
    )?;
    Ok((Stream::Relayed(flow), (end, Some(relay))))
}
