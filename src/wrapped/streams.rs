//! The command's stdin and stdout: handed over as they are where that tells enough, passed on by a relay
//! where it does not.

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
use super::flow::{Flow, Side};
use super::relay::{End, Relay};
use super::rest::Leftover;
use crate::stdio::has_stdin;
use crate::streaming::{Progress, enlarge};

/// How many bytes a second of each stream are looked at: more than most commands take, for some hundredths of a core.
const LOOKED_AT: u64 = 128 * 1024 * 1024;

/// One of the two.
#[derive(Debug)]
pub enum Stream {
    /// A pipe or a socket, passed on.
    Relayed(Arc<Flow>),
    /// A regular file, which the command has itself; the offset is shared with it.
    File {
        /// The file.
        file: File,
        /// The offset at the start.
        begin: u64,
    },
    /// A device, a terminal or what else there is, which the command has itself: nothing is known of it.
    Opaque,
}

impl Stream {
    /// Bytes that have gone through it, as far as that is known: what is passed on into the command's stdin, or
    /// taken and written by the command itself.
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

    /// Of stdin: the bytes that the command has taken.
    pub fn taken(&self) -> Option<u64> {
        match self {
            // Less than nothing is left only for the moment between a byte's coming and its being counted.
            Self::Relayed(flow) => Some(flow.bytes().saturating_sub(flow.waiting().unwrap_or(0))),
            _ => self.bytes(),
        }
    }

    /// What its relay knows, if it has one.
    pub fn flow(&self) -> Option<&Arc<Flow>> {
        match self {
            Self::Relayed(flow) => Some(flow),
            _ => None,
        }
    }
}

/// The command's stdin and stdout, as this side sees them.
#[derive(Clone, Debug)]
pub struct Streams {
    /// What goes in.
    pub input: Arc<Stream>,
    /// What comes out.
    pub output: Arc<Stream>,
    progress: Arc<Progress>,
}

impl Streams {
    /// Bytes of the input that the command has not taken, though they were passed on or read. Known while it is not
    /// running any more, of a pipe or a socket.
    pub(super) fn untaken(&self) -> Option<u64> {
        let flow = self.input.flow()?;
        Some(flow.waiting()? + flow.thrown_away())
    }

    /// Sets the progress from what only the files' offsets tell.
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
    /// To say that the rest of the input is wanted.
    want_rest: Option<Sender<()>>,
    input: (OwnedFd, Option<Relay>),
    output: (OwnedFd, Option<Relay>),
}

/// How the relays end, for whoever waits for that.
#[derive(Debug)]
pub(super) struct Relays {
    pub(super) input: Option<oneshot::Receiver<End>>,
    pub(super) output: Option<oneshot::Receiver<End>>,
    /// That of the input waits for a word by this, or for its end, before it closes what is left.
    pub(super) want_rest: Option<Sender<()>>,
}

impl Opened {
    /// Takes this process's own stdin and stdout, which are `/dev/null` from then on: so the ends of a pipe are
    /// held by none but those who pass on and those who read and write.
    pub(super) fn take(progress: &Arc<Progress>, leftover: Leftover) -> io::Result<Self> {
        // Reading a closed stdin fails. The command's is to fail too, and not to look like an empty input.
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
        if leftover == Leftover::Drain {
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

    /// What is to be the command's stdin and stdout.
    pub(super) fn ends(&self) -> [BorrowedFd<'_>; 2] {
        [self.input.0.as_fd(), self.output.0.as_fd()]
    }

    /// Starts to pass on, once the command has its ends.
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
    let (tell, end) = oneshot::channel();
    let run = move || {
        // Who does not wait for it need not hear it.
        let _ = tell.send(relay.run());
    };
    thread::Builder::new().name(name.to_owned()).spawn(run)?;
    Ok(Some(end))
}

/// The stream, the command's end of it, and what passes it on, if it is not the command's as it is.
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
    // The first write goes to the end wherever the offset is before.
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
    let flow = Arc::new(Flow::new(side, Arc::clone(progress), ours));
    let relay = Relay::new(
        from,
        to,
        Arc::clone(&flow),
        is_piped,
        Budget::new(LOOKED_AT),
    )?;
    Ok((Stream::Relayed(flow), (end, Some(relay))))
}
