//! A member that is the relay of its host: it accepts the others, and sends their beats with its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::roster::RelayRoster;
use crate::codec::FrameReader;
use crate::frame::Frame;
use crate::key::ClaimKey;
use crate::outlet::Outlet;
use crate::tcp::{ACCEPT_PAUSE, Batch, HANDSHAKE, READ_BYTES, greet_member};

/// How often a relay shows its members that it runs. A member that sees nothing for three times as long leaves it.
pub(super) const SIGN: Duration = Duration::from_millis(25);

/// The connection to the master, which a relay's own beats share with those of its members.
#[derive(Debug)]
pub(crate) struct Uplink {
    pub(crate) outlet: Outlet,
    roster: RelayRoster,
    /// The connections of the members.
    members: BTreeMap<u16, Arc<UnixStream>>,
    begun: Instant,
    /// When the members were shown last that the relay runs.
    signed: Instant,
}

impl Uplink {
    pub(crate) fn new(outlet: Outlet) -> Arc<Mutex<Self>> {
        let now = Instant::now();
        Arc::new(Mutex::new(Self {
            outlet,
            roster: RelayRoster::default(),
            members: BTreeMap::new(),
            begun: now,
            signed: now,
        }))
    }

    /// Sends a beat of the member itself, and those of the others. Returns whether the own one was sent.
    pub(crate) fn beat(&mut self, version: Option<i32>, text: &[u8]) -> bool {
        let text = text.to_vec();
        let is_sent = self.outlet.send(&Frame::Beat { version, text });
        if self.roster.is_empty() {
            return is_sent;
        }
        if is_sent && self.outlet.is_free() {
            let mut frames = self.roster.news();
            frames.push(self.roster.group(self.begun.elapsed()));
            self.outlet.send_all(&frames);
        }
        if self.signed.elapsed() >= SIGN {
            self.signed = Instant::now();
            for member in self.members.values() {
                // A member that does not read knows already that the relay runs.
                let _ = member.try_write(&[0]);
            }
        }
        is_sent
    }

    /// Sends at once what the master does not know yet; after a batch that is under way, with the next beat.
    fn tell(&mut self) {
        if self.outlet.is_free() {
            let news = self.roster.news();
            self.outlet.send_all(&news);
        }
    }
}

/// The socket of a relay, and its members. When this is dropped, they are told by the end of their connections.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Ends its task when it is dropped.
    _tasks: JoinSet<()>,
}

/// What a relay proves to its members, and what they must know.
#[derive(Clone)]
pub(crate) struct HubTerms {
    pub(crate) claim: String,
    pub(crate) key: ClaimKey,
    /// Whether nothing stands between the relay and the master.
    pub(crate) is_direct: bool,
}

impl Hub {
    /// Accepts the members of this host from now on.
    pub(crate) fn open(
        listener: UnixListener,
        terms: HubTerms,
        uplink: Arc<Mutex<Uplink>>,
    ) -> Self {
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, terms, uplink));
        Self { _tasks: tasks }
    }
}

async fn accept(listener: UnixListener, terms: HubTerms, uplink: Arc<Mutex<Uplink>>) {
    // They end with this task.
    let mut members = JoinSet::new();
    loop {
        while members.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if members.len() < super::MOST_SLOTS {
            members.spawn(attend(stream, terms.clone(), Arc::clone(&uplink)));
        }
    }
}

fn lock(uplink: &Mutex<Uplink>) -> MutexGuard<'_, Uplink> {
    uplink.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connection of one member, from its first to its last byte.
async fn attend(mut stream: UnixStream, terms: HubTerms, uplink: Arc<Mutex<Uplink>>) {
    let greeting = greet_member(&mut stream, &terms.claim, &terms.key, terms.is_direct);
    let Ok(Some((mut reader, peer))) = timeout(HANDSHAKE, greeting).await else {
        return;
    };
    let stream = Arc::new(stream);
    let slot = {
        let mut uplink = lock(&uplink);
        let now = uplink.begun.elapsed();
        let Some(slot) = uplink.roster.join(now, peer) else {
            return;
        };
        uplink.members.insert(slot, Arc::clone(&stream));
        uplink.tell();
        slot
    };
    let mut place = Place {
        uplink,
        slot,
        goodbye: None,
    };
    place.goodbye = serve(&stream, &mut reader, slot, &place.uplink).await;
}

/// The place of a member at its relay. When it is dropped, also with a relay that ends, the member has left.
struct Place {
    uplink: Arc<Mutex<Uplink>>,
    slot: u16,
    goodbye: Option<bool>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut uplink = lock(&self.uplink);
        uplink.members.remove(&self.slot);
        uplink.roster.ended(self.slot, self.goodbye);
        uplink.tell();
    }
}

/// Takes the beats of a member until its connection ends. Returns its goodbye.
async fn serve(
    stream: &UnixStream,
    reader: &mut FrameReader,
    slot: u16,
    uplink: &Mutex<Uplink>,
) -> Option<bool> {
    loop {
        let ready = stream.ready(Interest::READABLE).await;
        let mut bytes = [0; READ_BYTES];
        let batch = match ready.and_then(|_| stream.try_read(&mut bytes)) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return None,
            Ok(length) => Batch::of(reader, &bytes[..length]),
        };
        if let Some((version, text)) = batch.beat {
            let mut uplink = lock(uplink);
            let now = uplink.begun.elapsed();
            uplink.roster.beat(now, slot, version, text);
        }
        if batch.ended || batch.goodbye.is_some() {
            return batch.goodbye;
        }
    }
}
