//! Signatures by an `ssh-agent`, which holds keys and never gives them away (draft-miller-ssh-agent). Each signature
//! has a connection of its own, with a time limit.

use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, send, socket_with,
};
use ssh_key::public::KeyData;
use ssh_key::{PublicKey, Signature, SshSig};
use thiserror::Error;

use super::options::Account;
use super::ssh_signer::{DIGEST, NAMESPACE, has_signed, is_verifiable};

/// The environment variable with the path of the agent's socket.
const SOCKET: &str = "SSH_AUTH_SOCK";

/// How long one signature may take. A server waits 5 s for a registration.
const LIMIT: Duration = Duration::from_secs(3);

/// The pause between two attempts to reach an agent that has many clients waiting.
const PAUSE: Duration = Duration::from_millis(10);

/// The longest answer in bytes: what OpenSSH's agent limits its own messages to.
const LONGEST: usize = 256 << 10;

/// Numbers of messages.
const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// The flag of a signature by RSA with SHA-512; without one it would be with SHA-1.
const RSA_SHA2_512: u32 = 4;

/// Why there is no signature. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum SshAgentError {
    #[error(
        "{SOCKET} is not set: start an ssh-agent, run ssh-add with the key's file, and give this program the agent's \
         {SOCKET}"
    )]
    NoSocket,
    #[error("cannot reach the ssh-agent at {0} ({SOCKET}): {1}; start one, and run ssh-add there")]
    Unreachable(PathBuf, String),
    #[error(
        "the ssh-agent at {0} did not answer within {LIMIT:?}; if it asks somebody to confirm, add the key without -c"
    )]
    Silent(PathBuf),
    #[error(
        "the ssh-agent at {0} does not have this key, or is locked: run ssh-add with the key's file, or ssh-add -X"
    )]
    NotHeld(PathBuf),
    #[error(
        "the ssh-agent at {0} has this key and refuses to sign: add it without a confirmation (-c) and without a \
         restriction to hosts (-h)"
    )]
    Refused(PathBuf),
    #[error("the ssh-agent at {0} sent an answer that cannot be read; is that an ssh-agent?")]
    Strange(PathBuf),
    #[error(
        "the ssh-agent at {0} sent a signature that is not one of this key; for an RSA key it needs rsa-sha2-512"
    )]
    Wrong(PathBuf),
    #[error(
        "keys of this kind cannot be verified by a server; use ed25519, RSA, or ECDSA on P-256 or P-384"
    )]
    Kind,
}

/// The agent of this process, or of the user for whom it works.
#[derive(Clone, Debug)]
pub(super) struct SshAgent {
    socket: PathBuf,
    account: Account,
}

impl SshAgent {
    /// The agent that the environment names, reached with the rights of this user.
    pub(super) fn of_environment(account: &Account) -> Result<Self, SshAgentError> {
        let socket = std::env::var_os(SOCKET).filter(|path| !path.is_empty());
        Ok(Self {
            socket: socket.ok_or(SshAgentError::NoSocket)?.into(),
            account: account.clone(),
        })
    }

    /// Signs a message as `ssh-keygen -Y sign` does. May take as long as [`LIMIT`].
    pub(super) fn sign(&self, key: &PublicKey, message: &[u8]) -> Result<SshSig, SshAgentError> {
        if !is_verifiable(key.key_data()) {
            return Err(SshAgentError::Kind);
        }
        let strange = || SshAgentError::Strange(self.socket.clone());
        let blob = key.to_bytes().map_err(|_| SshAgentError::Kind)?;
        let signed = SshSig::signed_data(NAMESPACE, DIGEST, message).map_err(|_| strange())?;
        let mut connection = self.connect()?;
        let request = sign_request(&blob, &signed, flags(key.key_data()));
        let answer = self.exchange(&mut connection, &request)?;
        if answer.first() == Some(&FAILURE) {
            let listed = self.exchange(&mut connection, &[REQUEST_IDENTITIES])?;
            return Err(match lists(&listed, &blob) {
                Some(true) => SshAgentError::Refused(self.socket.clone()),
                Some(false) => SshAgentError::NotHeld(self.socket.clone()),
                None => strange(),
            });
        }
        let signature = signature(&answer).ok_or_else(strange)?;
        SshSig::new(key.key_data().clone(), NAMESPACE, DIGEST, signature)
            .ok()
            .filter(|signature| has_signed(key, message, signature))
            .ok_or_else(|| SshAgentError::Wrong(self.socket.clone()))
    }

    fn connect(&self) -> Result<Connection, SshAgentError> {
        let until = Instant::now() + LIMIT;
        let opened = self
            .account
            .touch(&self.socket, || Ok(open(&self.socket, until)?));
        match opened {
            Ok(stream) => Ok(Connection { stream, until }),
            Err(why) => {
                let shown = self.socket.clone();
                Err(SshAgentError::Unreachable(shown, format!("{why:#}")))
            }
        }
    }

    fn exchange(
        &self,
        connection: &mut Connection,
        request: &[u8],
    ) -> Result<Vec<u8>, SshAgentError> {
        connection
            .exchange(request)
            .map_err(|why| match why.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    SshAgentError::Silent(self.socket.clone())
                }
                ErrorKind::InvalidData => SshAgentError::Strange(self.socket.clone()),
                _ => SshAgentError::Unreachable(self.socket.clone(), why.to_string()),
            })
    }
}

/// A connection that ends at a given time.
struct Connection {
    stream: UnixStream,
    until: Instant,
}

impl Connection {
    /// Sends a message, and reads the answer to it.
    fn exchange(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        let message = string(request);
        let mut rest = message.as_slice();
        while !rest.is_empty() {
            self.stream.set_write_timeout(Some(left(self.until)?))?;
            // Without this flag an agent that has gone would end this process by a signal.
            let sent = send(&self.stream, rest, SendFlags::NOSIGNAL)?;
            rest = &rest[sent..];
        }
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(1..=LONGEST).contains(&length) {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; length];
        self.fill(&mut answer)?;
        Ok(answer)
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            self.stream.set_read_timeout(Some(left(self.until)?))?;
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => buffer = &mut buffer[count..],
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }
}

/// Connects without waiting longer than until then, also if the agent takes no more connections.
fn open(socket: &Path, until: Instant) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(socket)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let end = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    loop {
        match connect(&end, &address) {
            Ok(()) => break,
            Err(Errno::AGAIN | Errno::INTR) if Instant::now() < until => thread::sleep(PAUSE),
            Err(why) => return Err(why.into()),
        }
    }
    let stream = UnixStream::from(end);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// The time left; an error if there is none.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

fn flags(key: &KeyData) -> u32 {
    if key.is_rsa() { RSA_SHA2_512 } else { 0 }
}

fn sign_request(blob: &[u8], data: &[u8], flags: u32) -> Vec<u8> {
    [
        &[SIGN_REQUEST],
        &string(blob)[..],
        &string(data),
        &flags.to_be_bytes(),
    ]
    .concat()
}

/// The signature in an answer.
pub(super) fn signature(answer: &[u8]) -> Option<Signature> {
    let rest = answer.strip_prefix(&[SIGN_RESPONSE])?;
    let (bytes, rest) = next_string(rest)?;
    rest.is_empty().then_some(())?;
    Signature::try_from(bytes).ok()
}

/// Whether the agent has the key with these bytes; `None` if the answer is no list of keys.
pub(super) fn lists(answer: &[u8], blob: &[u8]) -> Option<bool> {
    let rest = answer.strip_prefix(&[IDENTITIES_ANSWER])?;
    let (count, mut rest) = rest.split_first_chunk()?;
    let mut is_there = false;
    // A false count ends with the bytes.
    for _ in 0..u32::from_be_bytes(*count) {
        let (key, after) = next_string(rest)?;
        let (_comment, after) = next_string(after)?;
        is_there |= key == blob;
        rest = after;
    }
    rest.is_empty().then_some(is_there)
}

/// Bytes behind their length (RFC 4251, `string`).
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

fn next_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests;
