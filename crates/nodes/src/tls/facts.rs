//! What a certificate says: for whom it is, and until when.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// What a certificate says. Nothing here proves who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    /// Its DNS names, as they stand there; one may be a pattern, as `*.hadoop.com`.
    pub(crate) names: Vec<String>,
    /// Its addresses.
    pub(crate) addresses: Vec<IpAddr>,
    /// Whether a server may have it.
    pub(crate) is_for_servers: bool,
    /// The beginning and the end of the time for which it is valid.
    pub(crate) valid: [SystemTime; 2],
    /// The public key with its kind, in DER.
    pub(crate) public_key: Vec<u8>,
}

impl CertificateFacts {
    /// Reads a certificate. The common name of the subject is passed over, as in every check of host names.
    ///
    /// # Errors
    /// If it is none, to be read after the name of its file or its sender.
    pub(crate) fn read(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let no_use = |why: String| format!("has no certificate that can be read: {why}");
        let (_, read) =
            parse_x509_certificate(certificate).map_err(|why| no_use(why.to_string()))?;
        let alternatives = read.subject_alternative_name();
        let alternatives = alternatives.map_err(|why| no_use(why.to_string()))?;
        let purposes = read.extended_key_usage();
        let purposes = purposes.map_err(|why| no_use(why.to_string()))?;
        let mut facts = Self {
            names: Vec::new(),
            addresses: Vec::new(),
            // A certificate that names no purpose has all of them.
            is_for_servers: purposes.is_none_or(|of| of.value.any || of.value.server_auth),
            valid: [read.validity().not_before, read.validity().not_after]
                .map(|at| time(at.timestamp())),
            public_key: read.public_key().raw.to_vec(),
        };
        for name in alternatives.iter().flat_map(|of| &of.value.general_names) {
            match name {
                GeneralName::DNSName(name) => facts.names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => facts.addresses.extend(address(bytes)),
                _ => {}
            }
        }
        Ok(facts)
    }
}

/// The time so many seconds after the beginning of 1970, which none before that has.
fn time(seconds: i64) -> SystemTime {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| v6()).ok()
}
