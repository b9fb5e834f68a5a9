//! Why a handshake fails, for the people at either end: what the other one is or says, and what to do. Each text stands
//! after the other end's address, as in `server ctl:50091: it …`.

use std::io;
use std::path::Path;

use rustls::{AlertDescription, CertificateError, Error};

use super::files::CA;
use heartline_exporter::tls::{CERTIFICATE, KEY};
use heartline_tls::certificate_fault;

/// Why a client gives up a handshake with a server, whose CA is to be in the file `ca`.
pub(super) fn server_fault(error: &io::Error, ca: &Path) -> String {
    match tls_error(error) {
        Some(Error::InvalidCertificate(why)) => misfit(why, "servers", ca),
        Some(Error::AlertReceived(alert)) => refused_by_server(*alert),
        Some(Error::InvalidMessage(_)) => format!(
            "it does not speak TLS: leave out {CA}, {CERTIFICATE} and {KEY}, or start the server with them"
        ),
        Some(other) => format!("no connection by TLS: {other}"),
        None if is_end(error) => {
            "it ended the handshake and gave no reason: see the server's own messages".to_owned()
        }
        None => error.to_string(),
    }
}

/// Why a server refuses the handshake of a client, whose CA is to be in the file `ca`.
pub(super) fn client_fault(error: &io::Error, ca: &Path) -> String {
    match tls_error(error) {
        Some(Error::NoCertificatesPresented) => {
            format!("it has no certificate: start it with {CA}, {CERTIFICATE} and {KEY}")
        }
        Some(Error::InvalidCertificate(why)) => misfit(why, "clients", ca),
        Some(Error::AlertReceived(AlertDescription::UnknownCA)) => format!(
            "it does not trust this server: its {CA} must have the CA that signed this server's certificate"
        ),
        Some(Error::AlertReceived(AlertDescription::CertificateExpired)) => {
            "it says that this server's certificate has expired: renew it, and check the clocks of both"
                .to_owned()
        }
        Some(Error::AlertReceived(alert)) => format!(
            "it does not accept this server's certificate, which must be for the name by which it connects: see its own \
             messages (alert {alert:?})"
        ),
        Some(Error::InvalidMessage(_)) => {
            format!("it does not speak TLS: start it with {CA}, {CERTIFICATE} and {KEY}")
        }
        Some(other) => format!("no connection by TLS: {other}"),
        None => error.to_string(),
    }
}

/// Why a connection that a client uses already has failed: a server judges the client's certificate after the client has
/// ended its half of the handshake. `None` if TLS has nothing to do with it.
pub(crate) fn refused_later(error: &io::Error) -> Option<String> {
    match tls_error(error)? {
        Error::AlertReceived(alert) => Some(refused_by_server(*alert)),
        other => Some(format!("the connection by TLS has failed: {other}")),
    }
}

/// Whether the other end has closed the connection, in whichever way.
pub(super) fn is_end(error: &io::Error) -> bool {
    [
        io::ErrorKind::UnexpectedEof,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::BrokenPipe,
    ]
    .contains(&error.kind())
}

/// What is wrong with a certificate that should be for `purpose`, `servers` or `clients`.
fn misfit(why: &CertificateError, purpose: &str, ca: &Path) -> String {
    match why {
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("it has a certificate that is not for {purpose}: issue another")
        }
        why => format!("it {}", certificate_fault(why, CA, ca)),
    }
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn refused_by_server(alert: AlertDescription) -> String {
    let refused = format!("it refuses the certificate of {CERTIFICATE}");
    match alert {
        AlertDescription::CertificateExpired => {
            format!("{refused}, which has expired: renew it, and check the clocks of both")
        }
        AlertDescription::UnknownCA => {
            format!("{refused}: its {CA} must have the CA that signed it")
        }
        AlertDescription::UnsupportedCertificate => {
            format!("{refused}, which is not for clients: issue another")
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRequired => {
            format!("{refused}: see the server's own messages")
        }
        other => format!("it ends the handshake by TLS with the alert {other:?}"),
    }
}
