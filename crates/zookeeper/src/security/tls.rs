//! The certificates of sessions by TLS, from PEM files that may be replaced while a session lasts.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use heartline_tls::{read_pem, read_trusted};
use rustls::pki_types::ServerName;
use zookeeper_client::{TlsCa, TlsCerts, TlsDynamicCerts, TlsIdentity, TlsOptions};

use super::{OPTIONS, Security};

/// The certificates of one session. The client library takes the current ones for each connection.
pub(crate) struct Certificates {
    security: Security,
    current: TlsDynamicCerts,
    /// When the files were written that `current` is from.
    written: Vec<Option<SystemTime>>,
}

impl Certificates {
    /// Reads the certificates; blocks. `None` without TLS.
    pub(super) fn load(security: &Security) -> Result<Option<Self>, String> {
        let Some(ca) = &security.ca else {
            return Ok(None);
        };
        // Another crate may have brought a second implementation, and rustls chooses none by itself then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let written = written(security);
        Ok(Some(Self {
            current: TlsDynamicCerts::new(read(security, ca)?),
            security: security.clone(),
            written,
        }))
    }

    /// For the client library. The names of servers are always checked.
    pub(crate) fn options(&self) -> TlsOptions {
        TlsOptions::new().with_certs(self.current.clone())
    }

    /// Reads the files again if they were replaced; blocks. Keeps the certificates that it has while the files are of no
    /// use: they may just be being replaced.
    pub(crate) fn refresh(&mut self) {
        let written = written(&self.security);
        let Some(ca) = self
            .security
            .ca
            .as_ref()
            .filter(|_| written != self.written)
        else {
            return;
        };
        if let Ok(certificates) = read(&self.security, ca) {
            self.current.update(certificates);
            self.written = written;
        }
    }
}

/// Why a certificate cannot be for this host; `None` if it can.
pub(crate) fn nameless(host: &str) -> Option<String> {
    let why = ServerName::try_from(host).err()?;
    Some(format!("no certificate can be for the host {host}: {why}"))
}

/// The files that `security` names.
fn files(security: &Security) -> impl Iterator<Item = &PathBuf> {
    let all = [&security.ca, &security.certificate, &security.key];
    all.into_iter().flatten()
}

fn written(security: &Security) -> Vec<Option<SystemTime>> {
    let time = |path: &PathBuf| path.metadata().and_then(|about| about.modified()).ok();
    files(security).map(time).collect()
}

fn read(security: &Security, ca: &Path) -> Result<TlsCerts, String> {
    let no_use = |option: &str, path: &Path, why: zookeeper_client::Error| {
        format!("{option} {} is of no use: {why}", path.display())
    };
    let text = read_trusted(OPTIONS.ca, ca)?;
    let trusted = TlsCa::from_pem(&text).map_err(|why| no_use(OPTIONS.ca, ca, why))?;
    let mut certificates = TlsCerts::builder().with_ca(trusted);
    if let Some(path) = &security.certificate {
        let text = read_pem(OPTIONS.certificate, path)?;
        let key = security.tls().key(path)?;
        let identity = TlsIdentity::from_pem(&text, &key);
        let identity = identity.map_err(|why| no_use(OPTIONS.certificate, path, why))?;
        certificates = certificates.with_identity(identity);
    }
    certificates
        .build()
        .map_err(|why| no_use(OPTIONS.ca, ca, why))
}
