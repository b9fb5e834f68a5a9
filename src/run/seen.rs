//! A wrapped command's stdin and stdout, as the stall monitor needs them.

use std::sync::Arc;

use crate::vitals::{self, CommandFlow, Ends, FileIdentity, Input, Output};
use crate::wrapped::{Stream, Streams};

/// The streams of a command.
#[derive(Clone, Debug)]
pub(super) struct Seen(pub(super) Streams);

impl Seen {
    /// The open files that are the command's stdin and stdout.
    pub(super) fn ends(&self) -> Ends {
        Ends {
            input: identity(&self.0.input),
            output: identity(&self.0.output),
        }
    }
}

impl vitals::FlowSource for Seen {
    fn flow(&mut self) -> CommandFlow {
        let (bytes_out, output) = self.output();
        match &*self.0.input {
            Stream::Relayed(flow) => {
                // In this order: see `CommandFlow::relayed`.
                let written = flow.bytes();
                let input = Input {
                    unread: flow.waiting(),
                    ended: flow.has_ended(),
                };
                CommandFlow::relayed(written, bytes_out, input, output)
            }
            Stream::File { file, .. } => CommandFlow {
                bytes_in: self.0.input.bytes().unwrap_or_default(),
                bytes_out,
                input: Input::of(file),
                output,
            },
            Stream::Opaque => CommandFlow {
                bytes_out,
                output,
                ..CommandFlow::default()
            },
        }
    }

    fn last_record(&mut self) -> Vec<u8> {
        let input = &self.0.input;
        let record = input
            .flow()
            .and_then(|flow| flow.last_record_before(input.taken()?));
        record.map(|record| record.bytes).unwrap_or_default()
    }
}

impl Seen {
    fn output(&self) -> (u64, Output) {
        let bytes = self.0.output.bytes().unwrap_or_default();
        let full = match &*self.0.output {
            Stream::File { .. } => Some(false),
            // A pipe is full when its pages are used, which small writes do not fill: whether a write has to wait can
            // only be asked at the writing end, which only the command has.
            Stream::Relayed(_) | Stream::Opaque => None,
        };
        (bytes, Output { full })
    }
}

fn identity(stream: &Arc<Stream>) -> Option<FileIdentity> {
    match &**stream {
        Stream::Relayed(flow) => FileIdentity::of(flow.pipe()?),
        Stream::File { file, .. } => FileIdentity::of(file),
        Stream::Opaque => None,
    }
}
