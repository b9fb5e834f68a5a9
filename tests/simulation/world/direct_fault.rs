//! What goes wrong with direct connections alone: ZooKeeper is reached as before.

use std::net::SocketAddr;

use heartline::detect::ProbeOutcome;
use heartline::transport::{Endpoint, PeerIdentity};

use super::handshake::Knock;
use super::{Inner, Millis};

/// One thing that goes wrong with direct connections, or is mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DirectFault {
    /// A proxy or firewall ends the connections of a process to others, without a goodbye.
    Sever(usize),
    /// It ends all connections.
    SeverAll,
    /// No frame passes between a process and others; none is lost for that alone.
    Part(usize),
    /// They pass again.
    Join(usize),
    /// Frames of a process take up to this long; 0 for the usual time.
    Slow(usize, Millis),
    /// Somebody who knows the keys of earlier claims of a process connects with them.
    Stranger(usize),
}

impl DirectFault {
    /// The process that it is about; none if it is about all of them.
    pub(super) fn process(&self) -> Option<usize> {
        match *self {
            Self::Sever(process)
            | Self::Part(process)
            | Self::Join(process)
            | Self::Slow(process, _)
            | Self::Stranger(process) => Some(process),
            Self::SeverAll => None,
        }
    }
}

impl Inner {
    pub(super) fn strike_direct(&mut self, fault: &DirectFault) {
        match *fault {
            DirectFault::Sever(process) => self.sever(|one| one.client == process),
            DirectFault::SeverAll => self.sever(|_| true),
            DirectFault::Part(process) => self.processes[process].parted = true,
            DirectFault::Join(process) => {
                self.processes[process].parted = false;
                self.release_direct();
            }
            DirectFault::Slow(process, slow) => self.processes[process].slow_direct = slow,
            DirectFault::Stranger(process) => self.stranger(process),
        }
    }

    /// A key ends with its claim: nobody is let in by it afterwards, whatever claim is named.
    fn stranger(&mut self, process: usize) {
        let listeners = self.direct.listeners.iter();
        let own = listeners.filter(|one| one.process == process && one.is_open);
        let own: Vec<_> = own
            .map(|one| (one.address, one.held.clone(), one.earlier.clone()))
            .collect();
        let peer = PeerIdentity {
            session: 1,
            name: "stranger".to_owned(),
            port: 0,
        };
        for (address, held, earlier) in own {
            let Some((claim, _)) = held else { continue };
            for key in earlier {
                let endpoint = Endpoint { address, key };
                if let Knock::Opened { .. } = self.knock(process, &endpoint, &claim, &peer) {
                    let now = self.now();
                    let what = format!("process {process} takes the key of an earlier claim");
                    self.history.break_rule(now, &what);
                }
            }
        }
    }

    /// A probe of a process has ended.
    pub(super) fn probed(&mut self, process: usize, address: SocketAddr, outcome: ProbeOutcome) {
        self.trace(|| format!("process {process} finds {outcome:?} at {address}"));
        if outcome == ProbeOutcome::Accepted {
            let listeners = self.direct.listeners.iter();
            let found = listeners.filter(|one| one.address == address);
            let found: Vec<usize> = found.map(|one| one.process).collect();
            self.processes[process].reached.extend(found);
        }
    }
}
