//! `ZooKeeper`'s four-letter words: one connection each, also by TLS; reads everything until the server closes it.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::{Silence, left};
use heartline_zookeeper::TlsClient;

/// The longest answer, in bytes: `cons` of thousands of clients is not asked for.
const MOST: usize = 4 << 20;

/// The answer of the server at `host` and `port` to a word, until `end`.
pub fn word(host: &str, port: u16, word: &str, end: Instant) -> Result<String, Silence> {
    let mut stream = connect(host, port, end)?;
    Ok(exchange(&mut stream, |stream| stream, word, end)?)
}

/// The same by TLS.
pub fn word_by_tls(
    client: &TlsClient,
    (host, port): (&str, u16),
    word: &str,
    end: Instant,
) -> Result<String, Silence> {
    let mut stream = client.stream(host, connect(host, port, end)?)?;
    exchange(&mut stream, |stream| &stream.sock, word, end).map_err(|error| {
        match client.explain(&error) {
            Some(why) => Silence::Broken(why),
            None => error.into(),
        }
    })
}

/// Sends the word and reads the answer, within the time left for each step on the stream's socket.
fn exchange<S: Read + Write>(
    stream: &mut S,
    socket: impl Fn(&S) -> &TcpStream,
    word: &str,
    end: Instant,
) -> io::Result<String> {
    let limit = |stream: &S| {
        let left = left(end);
        if left.is_zero() {
            // For a socket, zero is no limit.
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        // A handshake reads before it writes, and writes before it reads.
        socket(stream).set_write_timeout(Some(left))?;
        socket(stream).set_read_timeout(Some(left))
    };
    limit(stream)?;
    stream.write_all(word.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        limit(stream)?;
        let read = match stream.read(&mut buffer) {
            // A server that closes without a farewell of TLS has told everything.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !answer.is_empty() => 0,
            read => read?,
        };
        if read == 0 || answer.len() > MOST {
            return Ok(String::from_utf8_lossy(&answer).into_owned());
        }
        answer.extend_from_slice(&buffer[..read]);
    }
}

/// Checks whether a server accepts connections at `place` (`HOST:PORT`) by `end`.
pub fn knock(place: &str, end: Instant) -> Result<(), Silence> {
    let (host, port) = split(place).ok_or(Silence::Unknown)?;
    connect(host, port, end).map(drop)
}

/// Host and port; an IPv6 address without its brackets.
fn split(place: &str) -> Option<(&str, u16)> {
    let (host, port) = place.rsplit_once(':')?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    Some((bare.unwrap_or(host), port.parse().ok()?))
}

/// Connects to the first of the host's addresses that accepts.
fn connect(host: &str, port: u16, end: Instant) -> Result<TcpStream, Silence> {
    let mut why = Silence::Unknown;
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|_| Silence::Unknown)?;
    for address in addresses {
        match TcpStream::connect_timeout(&address, rest(end)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = error.into(),
        }
    }
    Err(why)
}

/// The time left; an error if there is none, because zero means no limit for a socket.
fn rest(end: Instant) -> Result<Duration, Silence> {
    let left = left(end);
    if left.is_zero() {
        return Err(Silence::Slow);
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_and_a_port() {
        assert_eq!(split("zk1:2181"), Some(("zk1", 2181)));
        assert_eq!(split("[fe80::1%eth0]:1"), Some(("fe80::1%eth0", 1)));
        assert_eq!(split("zk1"), None);
        assert_eq!(split("zk1:x"), None);
    }
}
