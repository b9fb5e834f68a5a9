//! The frames: what one member says to another, without authentication.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use heartline_core::protocol::escape::LONGEST_NAME;

/// The maximum length of a beat's text in bytes.
pub const LONGEST_TEXT: usize = 4096;

const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const BEAT: u8 = 3;
const GOODBYE: u8 = 4;
const JOINED: u8 = 5;
const LEFT: u8 = 6;
const RELAYED: u8 = 7;
const GROUP: u8 = 8;

/// How the connection of a relay's member ended, in a frame.
const NO_GOODBYE: u8 = 2;

/// The version of a znode that is not known.
const UNKNOWN: i32 = -1;

/// The maximum number of members that a relay may say to be late in one frame.
pub const MOST_LATE: usize = 512;

/// A member of a relay that has not beaten lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateSlot {
    /// Its slot.
    pub slot: u16,
    /// For how many milliseconds it has not beaten; the largest number stands for any longer time.
    pub silence_ms: u16,
}

/// What one member says to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first frame of a client: who it is.
    Hello {
        /// The ZooKeeper session that owns its znode.
        session: i64,
        /// The member's name, at most [`LONGEST_NAME`] bytes.
        name: String,
        /// The port on which it accepts connections itself; 0 if it does not.
        port: u16,
        /// Its own address on this connection. An IPv4 address that is mapped into IPv6 is
        /// read as IPv4.
        local: SocketAddr,
        /// The server's address on this connection, in the same form.
        remote: SocketAddr,
    },
    /// The answer to [`Frame::Hello`]: it proves that the server knows the key.
    Welcome {
        /// Whether the server sees the same addresses as the client: nothing stands between them.
        is_direct: bool,
    },
    /// A heartbeat.
    Beat {
        /// The version of the member's znode once all its writes have arrived, if it is known and not negative.
        version: Option<i32>,
        /// The value that the member's znode would have, if it differs from the last one sent on this connection;
        /// otherwise empty. At most [`LONGEST_TEXT`] bytes.
        text: Vec<u8>,
    },
    /// The last frame of a client that ends as it should: the end of the connection is no death.
    Goodbye {
        /// Whether its work is done; otherwise it failed.
        finished: bool,
    },
    /// From a relay: a member of its host beats by this connection from now on.
    Joined {
        /// The number of the member on this connection, until it has left.
        slot: u16,
        /// The ZooKeeper session that owns its znode.
        session: i64,
        /// The port on which it accepts connections itself; 0 if it does not.
        port: u16,
        /// The member's name, at most [`LONGEST_NAME`] bytes.
        name: String,
    },
    /// From a relay: the connection of a member to the relay has ended.
    Left {
        /// The member's slot, which may be used again.
        slot: u16,
        /// The content of its goodbye, if it said one; otherwise it has crashed, or left the relay.
        goodbye: Option<bool>,
    },
    /// From a relay: what a member's beat says, if it is new.
    Relayed {
        /// The member's slot.
        slot: u16,
        /// See [`Frame::Beat`].
        version: Option<i32>,
        /// See [`Frame::Beat`].
        text: Vec<u8>,
    },
    /// From a relay: all members that have joined have beaten lately, except these; at most [`MOST_LATE`].
    Group {
        /// The others.
        late: Vec<LateSlot>,
    },
}

/// Why a frame is refused; the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length exceeds the limit, or is too short for a frame.
    #[error("a frame has a length that no frame has")]
    Length,
    /// The MAC is wrong: another key, claim, connection or direction, or not the next frame.
    #[error("a frame is not authenticated by the claim's key")]
    Mac,
    /// The frame is authenticated, but its content has no known form.
    #[error("a frame has a form that this version does not know")]
    Form,
}

impl Frame {
    /// Appends type and content.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            Self::Hello {
                session,
                name,
                port,
                local,
                remote,
            } => {
                check_name(name).ok_or(FrameError::Length)?;
                bytes.push(HELLO);
                bytes.extend(session.to_be_bytes());
                bytes.extend(port.to_be_bytes());
                write_address(*local, bytes);
                write_address(*remote, bytes);
                bytes.extend(name.as_bytes());
            }
            Self::Welcome { is_direct } => bytes.extend([WELCOME, u8::from(*is_direct)]),
            Self::Beat { version, text } => {
                bytes.push(BEAT);
                write_beat(*version, text, bytes)?;
            }
            Self::Goodbye { finished } => bytes.extend([GOODBYE, u8::from(*finished)]),
            Self::Joined {
                slot,
                session,
                port,
                name,
            } => {
                check_name(name).ok_or(FrameError::Length)?;
                bytes.push(JOINED);
                bytes.extend(slot.to_be_bytes());
                bytes.extend(session.to_be_bytes());
                bytes.extend(port.to_be_bytes());
                bytes.extend(name.as_bytes());
            }
            Self::Left { slot, goodbye } => {
                bytes.push(LEFT);
                bytes.extend(slot.to_be_bytes());
                bytes.push(goodbye.map_or(NO_GOODBYE, u8::from));
            }
            Self::Relayed {
                slot,
                version,
                text,
            } => {
                bytes.push(RELAYED);
                bytes.extend(slot.to_be_bytes());
                write_beat(*version, text, bytes)?;
            }
            Self::Group { late } => {
                bytes.push(GROUP);
                write_group(late, bytes)?;
            }
        }
        Ok(())
    }

    /// Parses type and content.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, FrameError> {
        let (kind, rest) = bytes.split_first().ok_or(FrameError::Form)?;
        match (*kind, rest) {
            (HELLO, rest) => read_hello(rest),
            (WELCOME, [is_direct @ 0..=1]) => Ok(Self::Welcome {
                is_direct: *is_direct == 1,
            }),
            (BEAT, rest) => {
                let (version, text) = read_beat(rest)?;
                Ok(Self::Beat { version, text })
            }
            (GOODBYE, [finished @ 0..=1]) => Ok(Self::Goodbye {
                finished: *finished == 1,
            }),
            (JOINED | LEFT | RELAYED, rest) => read_of_slot(*kind, rest),
            (GROUP, rest) => read_group(rest),
            _ => Err(FrameError::Form),
        }
    }
}

/// The address in the form in which it is compared and sent: IPv4 if it is one, also on a socket for IPv6.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

/// The content of a hello without its type.
fn read_hello(bytes: &[u8]) -> Result<Frame, FrameError> {
    let (session, rest) = part(bytes)?;
    let (port, rest) = part(rest)?;
    let (local, rest) = read_address(rest)?;
    let (remote, name) = read_address(rest)?;
    Ok(Frame::Hello {
        session: i64::from_be_bytes(session),
        name: read_name(name)?,
        port: u16::from_be_bytes(port),
        local,
        remote,
    })
}

/// The content of a frame about one member of a relay, without its type.
fn read_of_slot(kind: u8, bytes: &[u8]) -> Result<Frame, FrameError> {
    let (slot, rest) = part(bytes)?;
    let slot = u16::from_be_bytes(slot);
    match (kind, rest) {
        (JOINED, rest) => {
            let (session, rest) = part(rest)?;
            let (port, name) = part(rest)?;
            Ok(Frame::Joined {
                slot,
                session: i64::from_be_bytes(session),
                port: u16::from_be_bytes(port),
                name: read_name(name)?,
            })
        }
        (LEFT, [goodbye @ 0..=NO_GOODBYE]) => Ok(Frame::Left {
            slot,
            goodbye: (*goodbye != NO_GOODBYE).then_some(*goodbye == 1),
        }),
        (RELAYED, rest) => {
            let (version, text) = read_beat(rest)?;
            Ok(Frame::Relayed {
                slot,
                version,
                text,
            })
        }
        _ => Err(FrameError::Form),
    }
}

fn write_group(late: &[LateSlot], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
    if late.len() > MOST_LATE {
        return Err(FrameError::Length);
    }
    for one in late {
        bytes.extend(one.slot.to_be_bytes());
        bytes.extend(one.silence_ms.to_be_bytes());
    }
    Ok(())
}

fn read_group(bytes: &[u8]) -> Result<Frame, FrameError> {
    let (late, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() || late.len() > MOST_LATE {
        return Err(FrameError::Form);
    }
    let late = late.iter().map(|[a, b, c, d]| LateSlot {
        slot: u16::from_be_bytes([*a, *b]),
        silence_ms: u16::from_be_bytes([*c, *d]),
    });
    Ok(Frame::Group {
        late: late.collect(),
    })
}

fn check_name(name: &str) -> Option<&str> {
    Some(name).filter(|name| (1..=LONGEST_NAME).contains(&name.len()))
}

fn read_name(bytes: &[u8]) -> Result<String, FrameError> {
    let name = std::str::from_utf8(bytes).ok().and_then(check_name);
    name.map(str::to_owned).ok_or(FrameError::Form)
}

/// Appends version and text of a beat.
fn write_beat(version: Option<i32>, text: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
    if text.len() > LONGEST_TEXT {
        return Err(FrameError::Length);
    }
    let version = version.filter(|version| *version >= 0);
    bytes.extend(version.unwrap_or(UNKNOWN).to_be_bytes());
    bytes.extend(text);
    Ok(())
}

fn read_beat(bytes: &[u8]) -> Result<(Option<i32>, Vec<u8>), FrameError> {
    let (version, text) = part(bytes)?;
    let version = i32::from_be_bytes(version);
    if text.len() > LONGEST_TEXT || version < UNKNOWN {
        return Err(FrameError::Form);
    }
    Ok(((version != UNKNOWN).then_some(version), text.to_vec()))
}

/// Appends 16 bytes of IPv6, in which an IPv4 address is mapped, and the port.
fn write_address(address: SocketAddr, bytes: &mut Vec<u8>) {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    bytes.extend(ip.octets());
    bytes.extend(address.port().to_be_bytes());
}

fn read_address(bytes: &[u8]) -> Result<(SocketAddr, &[u8]), FrameError> {
    let (ip, rest) = part::<16>(bytes)?;
    let (port, rest) = part(rest)?;
    let address = SocketAddr::new(Ipv6Addr::from(ip).into(), u16::from_be_bytes(port));
    Ok((canonical(address), rest))
}

/// The next `LENGTH` bytes, and what follows.
fn part<const LENGTH: usize>(bytes: &[u8]) -> Result<([u8; LENGTH], &[u8]), FrameError> {
    let (part, rest) = bytes.split_first_chunk().ok_or(FrameError::Form)?;
    Ok((*part, rest))
}
