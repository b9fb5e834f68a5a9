//! Why a TLS handshake with a server fails, for people. The client library tells only that it did.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use heartline_process::off_thread::off_thread;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{ClientFiles, TlsOptionNames};

/// How long a server may take for a handshake.
const LIMIT: Duration = Duration::from_secs(2);
/// How long to wait for a server's refusal of this program's certificate, which with TLS 1.3 comes after the handshake.
const REFUSAL_LIMIT: Duration = Duration::from_millis(100);

/// The outcome of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// The server and its certificate are as they should be, or nothing else is known.
    Done,
    /// It does not answer.
    Silent,
    /// What is wrong, after the server's name.
    Failed(String),
}

impl Handshake {
    /// Makes a handshake on a new connection with the server at `host`, with the certificates of `files`.
    ///
    /// # Cancellation safety
    /// When the future is dropped, the connection is closed.
    pub async fn with(stream: TcpStream, host: &str, files: &ClientFiles) -> Self {
        let own = files.clone();
        let read = off_thread(move || own.config()).await;
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
            Ok(Err(error)) => Self::Failed(explain(&error, files)),
            Ok(Ok(mut stream)) => match timeout(REFUSAL_LIMIT, stream.read_u8()).await {
                Ok(Err(error)) => Self::Failed(explain(&error, files)),
                Ok(Ok(_)) | Err(_) => Self::Done,
            },
        }
    }

    /// Whether the server at `host` speaks TLS, whatever its certificate.
    ///
    /// # Cancellation safety
    /// When the future is dropped, the connection is closed.
    pub async fn is_spoken(stream: TcpStream, host: &str) -> bool {
        let nobody_trusted = ClientFiles {
            ca: None,
            certificate: None,
            key: None,
            options: UNNAMED,
        };
        let tells = matches!(
            Self::with(stream, host, &nobody_trusted).await,
            Self::Failed(why) if why.starts_with(UNTRUSTED)
        );
        tells
    }
}

/// For explanations that nobody reads.
const UNNAMED: TlsOptionNames = TlsOptionNames {
    ca: "",
    certificate: "",
    key: "",
    port: "",
};

/// How the explanation begins for a server whose certificate no known CA has signed.
const UNTRUSTED: &str = "has a certificate that no CA";

/// What is wrong, and what to do, to be read after the name of a server.
pub fn explain(error: &io::Error, files: &ClientFiles) -> String {
    let TlsOptionNames {
        ca: option, port, ..
    } = files.options;
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(why)) => {
            let ca = files.ca.as_deref().unwrap_or(Path::new(""));
            certificate_fault(why, files.options.ca, ca)
        }
        Some(Error::AlertReceived(alert)) => refused(*alert, files),
        Some(Error::InvalidMessage(_)) => {
            format!("does not speak TLS on this port: name {port}, or leave out {option}")
        }
        Some(other) => format!("refuses a connection by TLS: {other}"),
        None => format!(
            "closes connections by TLS: name {port}, or leave out {option}, if this port is not for TLS{}",
            certificate_hint(files)
        ),
    }
}

/// What is wrong with the certificate of the other end, and what to do, to be read after its name; `option` and `ca` are
/// how this program was told whose certificates it trusts.
pub fn certificate_fault(why: &CertificateError, option: &str, ca: &Path) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has a certificate that has expired: renew it there, and check this host's clock"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "has a certificate that is not valid yet: check the clocks of both hosts".to_owned()
        }
        // With a signature that is wrong, a CA of the same name has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "{UNTRUSTED} in {option} {} has signed: name the file of the CA that did",
            ca.display()
        ),
        CertificateError::NotValidForName => other_names(&[]),
        CertificateError::NotValidForNameContext { presented, .. } => other_names(presented),
        CertificateError::Revoked => "has a certificate that its CA has revoked".to_owned(),
        other => format!("has a certificate that is of no use: {other}"),
    }
}

/// What to do about a certificate for these names, which are shown as `DnsName("kafka.example")`.
fn other_names(names: &[String]) -> String {
    let bare = |name: &String| {
        let value = name
            .split_once('(')
            .map_or(name.as_str(), |(_, value)| value);
        value.trim_end_matches(')').trim_matches('"').to_owned()
    };
    let names: Vec<String> = names.iter().map(bare).collect();
    if names.is_empty() {
        "has a certificate without names of hosts: renew it with them as its subjectAltName"
            .to_owned()
    } else {
        let names = names.join(", ");
        format!("has a certificate for other names: connect by one of them ({names}), or renew it")
    }
}

/// What a server's alert says about this program's certificate.
fn refused(alert: AlertDescription, files: &ClientFiles) -> String {
    let option = files.options.certificate;
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::HandshakeFailure
        | AlertDescription::BadCertificate
            if files.certificate.is_none() =>
        {
            format!("wants a certificate: give one that its CA has signed, by {option}")
        }
        AlertDescription::CertificateExpired => {
            format!("refuses the certificate of {option}, which has expired: renew it")
        }
        AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked => format!(
            "refuses the certificate of {option}: its trust store must have the CA that signed it"
        ),
        other => format!("ends the handshake by TLS with the alert {other:?}"),
    }
}

fn certificate_hint(files: &ClientFiles) -> String {
    match files.certificate {
        Some(_) => String::new(),
        None => format!(
            ", or give {} if it wants a certificate",
            files.options.certificate
        ),
    }
}

/// The host of `HOST:PORT` or `[IPv6]:PORT`, as a certificate names it.
pub fn host_of(place: &str) -> &str {
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_stands_before_its_port() {
        assert_eq!(host_of("ctl.hadoop.com:50091"), "ctl.hadoop.com");
        assert_eq!(host_of("[::1]:7"), "::1");
        assert_eq!(host_of("10.0.0.1:7"), "10.0.0.1");
    }

    #[test]
    fn the_names_of_a_certificate_are_told() {
        let names = [r#"DnsName("kafka.example")"#, "IpAddress(127.0.0.1)"].map(str::to_owned);
        let said = other_names(&names);
        assert!(said.contains("(kafka.example, 127.0.0.1)"), "{said}");
        assert!(other_names(&[]).contains("subjectAltName"));
    }
}
