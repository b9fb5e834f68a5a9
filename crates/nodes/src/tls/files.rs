//! The files of TLS: whom to trust, and what to prove oneself with.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::facts::CertificateFacts;
use heartline_exporter::tls::{CERTIFICATE, KEY, identity};
use heartline_process::files::untrusted;
use heartline_tls::certificates;

/// How the file with the CAs of the other end is named on the command line.
pub(super) const CA: &str = "--tls-ca";

/// The files that both ends have alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificates of the CAs that sign those of the other end.
    pub(crate) ca: PathBuf,
    /// The own certificate, with its chain.
    pub(crate) certificate: PathBuf,
    /// Its key; often the same file.
    pub(crate) key: PathBuf,
}

/// What changes when a file is replaced or written: the time of its last change, its number and its length.
pub(super) type FileMark = Option<(i64, i64, u64, u64)>;

impl TlsFiles {
    /// What a server needs for its connections; blocks. TLS 1.3 alone: older versions show certificates to everybody on
    /// the way, and both ends are of this program.
    ///
    /// # Errors
    /// A line for people that names the option.
    pub(super) fn server(&self) -> Result<ServerConfig, String> {
        let provider = Arc::new(default_provider());
        let roots = Arc::new(self.roots()?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .map_err(|error| format!("{CA} {}: {error}", self.ca.display()))?;
        let (chain, key) = identity(&self.certificate, &self.key)?;
        if !self.facts_of(&chain)?.is_for_servers {
            let shown = self.certificate.display();
            return Err(format!(
                "{CERTIFICATE} {shown} is not for servers; issue it with: heartline nodes ca issue --server"
            ));
        }
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| self.misfit(&error))?;
        // Each connection shows its certificate: a session that is resumed would outlive it.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// What a client needs for one connection; blocks.
    ///
    /// # Errors
    /// A line for people that names the option.
    pub(crate) fn client(&self) -> Result<ClientConfig, String> {
        let (chain, key) = identity(&self.certificate, &self.key)?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| error.to_string())?
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(chain, key)
            .map_err(|error| self.misfit(&error))?;
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// What the own certificate says; blocks.
    ///
    /// # Errors
    /// A line for people that names the option.
    pub(crate) fn facts(&self) -> Result<CertificateFacts, String> {
        self.facts_of(&certificates(CERTIFICATE, &self.certificate)?)
    }

    fn facts_of(&self, chain: &[CertificateDer<'_>]) -> Result<CertificateFacts, String> {
        let shown = self.certificate.display();
        // There is at least one.
        CertificateFacts::read(&chain[0]).map_err(|why| format!("{CERTIFICATE} {shown} {why}"))
    }

    /// What is different once a file has been replaced; blocks.
    pub(super) fn marks(&self) -> [FileMark; 3] {
        [&self.ca, &self.certificate, &self.key].map(|path| mark(path))
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let shown = self.ca.display();
        let about = fs::metadata(&self.ca).ok();
        if let Some(why) = about.as_ref().and_then(untrusted) {
            return Err(format!("{CA} {shown}: {why}"));
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates(CA, &self.ca)? {
            roots
                .add(certificate)
                .map_err(|error| format!("{CA} {shown} has a certificate of no use: {error}"))?;
        }
        Ok(roots)
    }

    fn misfit(&self, error: &rustls::Error) -> String {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        format!("{CERTIFICATE} {certificate} and {KEY} {key}: {error}")
    }
}

fn mark(path: &Path) -> FileMark {
    let about = fs::metadata(path).ok()?;
    Some((about.mtime(), about.mtime_nsec(), about.ino(), about.len()))
}
