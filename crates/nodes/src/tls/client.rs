//! The client's half of a handshake.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::explain::server_fault;
use super::files::TlsFiles;
use super::watch::FileWatch;
use crate::PROGRAM;
use crate::rejection::Rejection;
use heartline_process::off_thread::off_thread;
use heartline_process::say::say;
use heartline_tls::host_of;

/// The interval between looks at the own certificate.
const LOOK: Duration = Duration::from_secs(3600);

/// Makes a handshake with `server`, written `HOST:PORT`, by what the files hold now. The name or address is always
/// checked against the server's certificate.
///
/// # Errors
/// A line that says what to do; another attempt makes sense only when something has changed.
///
/// # Cancellation safety
/// When the future is dropped, the connection is closed.
pub(crate) async fn connect(
    stream: TcpStream,
    server: &str,
    files: &TlsFiles,
) -> Result<TlsStream<TcpStream>, Rejection> {
    let own = files.clone();
    let read = off_thread(move || own.client()).await;
    let read = read.unwrap_or_else(|| Err("the files of the certificate do not answer".to_owned()));
    let config = read.map_err(Rejection::new)?;
    let host = host_of(server);
    let name = ServerName::try_from(host.to_owned()).map_err(|why| {
        Rejection::new(format!("no certificate can be for the host {host}: {why}"))
    })?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    connecting
        .await
        .map_err(|error| Rejection::new(server_fault(&error, &files.ca)))
}

/// Says when the own certificate will soon be over, as long as this runs: the server ends the connection with it.
///
/// # Cancellation safety
/// Nothing is lost when the future is dropped.
pub(crate) async fn watch_end(files: &TlsFiles) {
    let mut watch = FileWatch::new(files.clone());
    loop {
        let mut own = watch.clone();
        let looked = off_thread(move || {
            let line = own.ending(SystemTime::now());
            (own, line)
        });
        let Some((same, line)) = looked.await else {
            // As many threads as may be wait for disks.
            sleep(LOOK).await;
            continue;
        };
        watch = same;
        if let Some(line) = line {
            say(PROGRAM, line);
        }
        sleep(LOOK).await;
    }
}
