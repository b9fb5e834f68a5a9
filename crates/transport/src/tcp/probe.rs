//! Whether anybody listens at the address of a process that may just have been killed.
//!
//! The kernel closes the files of a killed process one after the other. The end of its connection to a master can
//! arrive before its listening socket is closed: until then the kernel still accepts, and resets what it has accepted
//! when it closes that socket. So a connection that ends before its first byte says nothing, and the probe connects
//! again.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::address::{connect, socket};
use super::limits::{PROBE, PROBE_PAUSE};
use heartline_core::detect::ProbeOutcome;

/// Probes an address for at most [`PROBE`]. If `must_answer`, a connection is not enough: the process must say
/// something.
pub(super) async fn probe(address: SocketAddr, must_answer: bool) -> ProbeOutcome {
    let mut so_far = ProbeOutcome::NoAnswer;
    let attempts = attempts(address, must_answer, &mut so_far);
    let found = timeout(PROBE, attempts).await;
    found.unwrap_or(so_far)
}

/// Connects until it is clear who is there. `so_far` is what is known if the time is over before.
async fn attempts(
    address: SocketAddr,
    must_answer: bool,
    so_far: &mut ProbeOutcome,
) -> ProbeOutcome {
    let mut pause = PROBE_PAUSE;
    loop {
        *so_far = ProbeOutcome::NoAnswer;
        match open(address).await {
            Ok(mut stream) => {
                // A process that is stopped, or gets no processor, says nothing.
                *so_far = ProbeOutcome::Accepted;
                if !must_answer {
                    return ProbeOutcome::Accepted;
                }
                if stream.read(&mut [0]).await.is_ok_and(|length| length > 0) {
                    return ProbeOutcome::Accepted;
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => return ProbeOutcome::Refused,
                // Reset between the kernel's answer and this call.
                io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected => {
                    *so_far = ProbeOutcome::Accepted;
                }
                _ => return ProbeOutcome::NoAnswer,
            },
        }
        sleep(pause).await;
        pause *= 2;
    }
}

/// Connects a socket that resets its connection when it is closed: no probe is left in the kernel.
async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket(address)?;
    socket.set_zero_linger()?;
    connect(socket, address).await
}
