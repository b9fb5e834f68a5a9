//! The frames: what one member says to another, without authentication.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use heartline_core::protocol::escape::LONGEST_NAME;

/// The maximum length of a beat's text in bytes.
pub const LONGEST_TEXT: usize = 4096;

const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const BEAT: u8 = 3;
const GOODBYE: u8 = 4;

/// The version of a znode that is not known.
const UNKNOWN: i32 = -1;

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
                if name.is_empty() || name.len() > LONGEST_NAME {
                    return Err(FrameError::Length);
                }
                bytes.push(HELLO);
                bytes.extend(session.to_be_bytes());
                bytes.extend(port.to_be_bytes());
                write_address(*local, bytes);
                write_address(*remote, bytes);
                bytes.extend(name.as_bytes());
            }
            Self::Welcome { is_direct } => bytes.extend([WELCOME, u8::from(*is_direct)]),
            Self::Beat { version, text } => {
                if text.len() > LONGEST_TEXT {
                    return Err(FrameError::Length);
                }
                bytes.push(BEAT);
                let version = version.filter(|version| *version >= 0);
                bytes.extend(version.unwrap_or(UNKNOWN).to_be_bytes());
                bytes.extend(text);
            }
            Self::Goodbye { finished } => bytes.extend([GOODBYE, u8::from(*finished)]),
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
                let (version, text) = part(rest)?;
                let version = i32::from_be_bytes(version);
                if text.len() > LONGEST_TEXT || version < UNKNOWN {
                    return Err(FrameError::Form);
                }
                Ok(Self::Beat {
                    version: (version != UNKNOWN).then_some(version),
                    text: text.to_vec(),
                })
            }
            (GOODBYE, [finished @ 0..=1]) => Ok(Self::Goodbye {
                finished: *finished == 1,
            }),
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
    let name = std::str::from_utf8(name).map_err(|_| FrameError::Form)?;
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(FrameError::Form);
    }
    Ok(Frame::Hello {
        session: i64::from_be_bytes(session),
        name: name.to_owned(),
        port: u16::from_be_bytes(port),
        local,
        remote,
    })
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
