//! Why a TLS handshake with a server fails, for people. The client library tells only that it did.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Security;
use super::renewal::off_thread;
use super::tls::{CA, CERTIFICATE, key, read_pem};

/// How long a server may take for a handshake.
const LIMIT: Duration = Duration::from_millis(500);
/// How long to wait for a server's refusal of this program's certificate, which with TLS 1.3 comes after the handshake.
const REFUSAL_LIMIT: Duration = Duration::from_millis(100);

/// The outcome of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// The server and its certificate are as they should be, or nothing else is known.
    Done,
    /// It does not answer.
    Silent,
    /// What is wrong, after the server's name.
    Failed(String),
}

impl Handshake {
    /// Makes a handshake on a new connection with the server at `host`, with the certificates of `security`.
    ///
    /// # Cancellation safety
    /// When the future is dropped, the connection is closed.
    pub(crate) async fn with(stream: TcpStream, host: &str, security: &Security) -> Self {
        let own = security.clone();
        let read = off_thread(move || config(&own)).await;
        let config = match read.unwrap_or_else(|| Err("its files do not answer".to_owned())) {
            Ok(config) => config,
            Err(why) => return Self::Failed(format!("cannot be asked by TLS: {why}")),
        };
        let name = match ServerName::try_from(host.to_owned()) {
            Ok(name) => name,
            Err(why) => {
                return Self::Failed(format!("has a name that no certificate can have: {why}"));
            }
        };
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        match timeout(LIMIT, connecting).await {
            Err(_) => Self::Silent,
            Ok(Err(error)) => Self::Failed(explain(&error, security)),
            Ok(Ok(mut stream)) => match timeout(REFUSAL_LIMIT, stream.read_u8()).await {
                Ok(Err(error)) => Self::Failed(explain(&error, security)),
                Ok(Ok(_)) | Err(_) => Self::Done,
            },
        }
    }

    /// Whether the server at `host` speaks TLS, whatever its certificate.
    pub(crate) async fn is_spoken(stream: TcpStream, host: &str) -> bool {
        let tells = matches!(
            Self::with(stream, host, &Security::default()).await,
            Self::Failed(why) if why.starts_with(UNTRUSTED)
        );
        tells
    }
}

/// How the explanation begins for a server whose certificate no known CA has signed.
const UNTRUSTED: &str = "has a certificate that no CA";

/// The certificates of `security`, for one handshake or many; blocks.
pub(super) fn config(security: &Security) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = &security.ca {
        for certificate in CertificateDer::pem_slice_iter(read_pem(CA, ca)?.as_bytes()).flatten() {
            // As the client library does: one that is of no use leaves the others.
            let _ = roots.add(certificate);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let Some(path) = &security.certificate else {
        return Ok(builder.with_no_client_auth());
    };
    let no_use = |why: String| format!("{CERTIFICATE} {} is of no use: {why}", path.display());
    let text = read_pem(CERTIFICATE, path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let chain = chain.map_err(|error| no_use(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(key(security, path)?.as_bytes());
    let key = key.map_err(|error| no_use(error.to_string()))?;
    let config = builder.with_client_auth_cert(chain, key);
    config.map_err(|error| no_use(error.to_string()))
}

/// What is wrong, and what to do, to be read after the name of a server.
pub(super) fn explain(error: &io::Error, security: &Security) -> String {
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(why)) => certificate(why, security),
        Some(Error::AlertReceived(alert)) => refused(*alert, security),
        Some(Error::InvalidMessage(_)) => {
            "does not speak TLS on this port: name its secureClientPort, or leave out --zookeeper-tls".to_owned()
        }
        Some(other) => format!("refuses a connection by TLS: {other}"),
        None => format!(
            "closes connections by TLS: name its secureClientPort, or leave out --zookeeper-tls, if this port is not for TLS{}",
            certificate_hint(security)
        ),
    }
}

fn certificate(why: &CertificateError, security: &Security) -> String {
    let ca = security.ca.as_ref().map(|ca| ca.display().to_string());
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has a certificate that has expired: renew it there, and check this host's clock"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "has a certificate that is not valid yet: check the clocks of both hosts".to_owned()
        }
        CertificateError::UnknownIssuer => format!(
            "{UNTRUSTED} in {CA} {} has signed: name the file of the CA that did",
            ca.unwrap_or_default()
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = match why {
                CertificateError::NotValidForNameContext { presented, .. } => presented.join(", "),
                _ => String::new(),
            };
            format!(
                "has a certificate for other names: connect by one of them ({names}), or renew it"
            )
        }
        CertificateError::Revoked => "has a certificate that its CA has revoked".to_owned(),
        other => format!("has a certificate that is of no use: {other}"),
    }
}

/// What a server's alert says about this program's certificate.
fn refused(alert: AlertDescription, security: &Security) -> String {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::HandshakeFailure
        | AlertDescription::BadCertificate
            if security.certificate.is_none() =>
        {
            format!("wants a certificate: give one that its CA has signed, by {CERTIFICATE}")
        }
        AlertDescription::CertificateExpired => {
            format!("refuses the certificate of {CERTIFICATE}, which has expired: renew it")
        }
        AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked => format!(
            "refuses the certificate of {CERTIFICATE}: its trust store must have the CA that signed it"
        ),
        other => format!("ends the handshake by TLS with the alert {other:?}"),
    }
}

fn certificate_hint(security: &Security) -> &'static str {
    match security.certificate {
        Some(_) => "",
        None => ", or give --zookeeper-tls-cert if it wants a certificate",
    }
}
