//! TLS for threads that wait: four-letter words are asked without a runtime.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use heartline_tls::{ClientFiles, explain};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Security;

/// Speaks TLS with servers, with the certificates that its [`Security`] names.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    files: ClientFiles,
}

impl TlsClient {
    /// Reads the certificates; blocks. `None` without TLS.
    ///
    /// # Errors
    /// Which file is of no use, and why.
    pub fn load(security: &Security) -> Result<Option<Self>, String> {
        if let Some(misfit) = security.misfit() {
            return Err(misfit.to_owned());
        }
        if security.ca.is_none() {
            return Ok(None);
        }
        let files = security.tls();
        Ok(Some(Self {
            config: Arc::new(files.config()?),
            files,
        }))
    }

    /// The files of the certificates.
    pub fn files(&self) -> &ClientFiles {
        &self.files
    }

    /// The same for another port: `port` is what to name instead of one without TLS, in [`Self::explain`].
    #[must_use]
    pub fn for_port(mut self, port: &'static str) -> Self {
        self.files.options.port = port;
        self
    }

    /// A stream to the server at `host`, whose certificate must be for that name. The handshake is made by the first read
    /// or write, within the time limits of `stream`.
    ///
    /// # Errors
    /// If no certificate can be for such a name.
    pub fn stream(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name);
        let connection = connection.map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }

    /// What is wrong with a server by an error of such a stream, and what to do: to be read after its name. `None` if TLS
    /// cannot be the reason.
    pub fn explain(&self, error: &io::Error) -> Option<String> {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        let inner = error.get_ref();
        let of_tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        // So does a server that speaks no TLS on this port.
        let is_closed = matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
        );
        (of_tls.is_some() || is_closed).then(|| explain(error, &self.files))
    }
}
