//! A connection with a time limit.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::parent::Master;

/// A connection that must be over at a given time.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    until: Instant,
}

impl Line {
    pub(super) fn open(master: &Master, until: Instant) -> io::Result<Self> {
        let mut failure = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in (master.host.as_str(), master.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, left(until)?) {
                Ok(stream) => {
                    // Each message waits for an answer.
                    stream.set_nodelay(true)?;
                    return Ok(Self { stream, until });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

/// The time left; an error if there is none.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// Replaces the error of a wait that ran into the time limit by a timeout.
fn timed<T>(outcome: io::Result<T>) -> io::Result<T> {
    outcome.map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    })
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.until)?))?;
        timed(self.stream.read(buffer))
    }
}

impl Write for Line {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.until)?))?;
        timed(self.stream.write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn master(listener: &TcpListener) -> Master {
        let address = listener.local_addr().unwrap();
        Master {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }

    #[test]
    fn a_master_that_does_not_answer_is_not_waited_for_for_long() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let until = Instant::now() + Duration::from_millis(200);
        let mut line = Line::open(&master(&listener), until).unwrap();
        let failed = line.read(&mut [0]).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        assert!(Instant::now() >= until);
        let failed = line.write(&[0]).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        let failed = Line::open(&master(&listener), until).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_master_that_is_gone_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = master(&listener);
        drop(listener);
        let until = Instant::now() + Duration::from_secs(10);
        assert!(Line::open(&gone, until).is_err());
    }
}
