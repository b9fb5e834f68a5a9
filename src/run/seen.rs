//! A wrapped command's stdin and stdout, as the stall monitor needs them.

use std::sync::Arc;

use crate::vitals::{self, Ends, Flow, Identity, Input, Output};
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

impl vitals::Streams for Seen {
    fn flow(&mut self) -> Flow {
        let (bytes_out, output) = self.output();
        match &*self.0.input {
            Stream::Relayed(flow) => {
                // In this order: see `Flow::relayed`.
                let written = flow.bytes();
                let input = Input {
                    unread: flow.waiting(),
                    ended: flow.has_ended(),
                };
                Flow::relayed(written, bytes_out, input, output)
            }
            Stream::File { file, .. } => Flow {
                bytes_in: self.0.input.bytes().unwrap_or_default(),
                bytes_out,
                input: Input::of(file),
                output,
            },
            Stream::Opaque => Flow {
                bytes_out,
                output,
                ..Flow::default()
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

fn identity(stream: &Arc<Stream>) -> Option<Identity> {
    match &**stream {
        Stream::Relayed(flow) => Identity::of(flow.pipe()?),
        Stream::File { file, .. } => Identity::of(file),
        Stream::Opaque => None,
    }
}
