//! The PEM files of a client, and what rustls needs of them. Holds their names alone: they are read for each use, so that a
//! replaced certificate needs no restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use heartline_process::files::{SMALL, read_named, read_secret, untrusted};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// How a program's options are called, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsOptionNames {
    /// Names the file with the CAs.
    pub ca: &'static str,
    /// Names the file with the program's own certificate.
    pub certificate: &'static str,
    /// Names the file with the key of that certificate.
    pub key: &'static str,
    /// What to name instead of a port without TLS, as in `its secureClientPort`.
    pub port: &'static str,
}

/// The PEM files of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    /// The CAs whose servers are trusted; without it, no server is.
    pub ca: Option<PathBuf>,
    /// The program's own certificate with its chain, for servers that ask for one.
    pub certificate: Option<PathBuf>,
    /// The certificate's key; by default in the file of the certificate.
    pub key: Option<PathBuf>,
    /// How the files were named.
    pub options: TlsOptionNames,
}

impl ClientFiles {
    /// Reads the files; blocks.
    ///
    /// # Errors
    /// If a file cannot be read or is of no use, or if others may read the key: a line that names the option.
    pub fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(self.roots()?);
        let Some(path) = &self.certificate else {
            return Ok(builder.with_no_client_auth());
        };
        let option = self.options.certificate;
        let chain = certificates(option, path)?;
        let (key_option, key_path) = self.key_file(path);
        let key = private_key(key_option, key_path)?;
        let config = builder.with_client_auth_cert(chain, key);
        config.map_err(|error| format!("{option} {} is of no use: {error}", path.display()))
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let Some(ca) = &self.ca else {
            return Ok(roots);
        };
        let option = self.options.ca;
        for certificate in
            CertificateDer::pem_slice_iter(read_trusted(option, ca)?.as_bytes()).flatten()
        {
            // One that is of no use leaves the others.
            let _ = roots.add(certificate);
        }
        if roots.is_empty() {
            return Err(format!(
                "{option} {} is of no use: it has no certificate in PEM",
                ca.display()
            ));
        }
        Ok(roots)
    }

    /// The PEM text with the key of the certificate in the file `certificate`; blocks.
    ///
    /// # Errors
    /// If it cannot be read, or if others may read it: a line that names the option.
    pub fn key(&self, certificate: &Path) -> Result<String, String> {
        let (option, path) = self.key_file(certificate);
        text(option, path, read_secret(option, path)?)
    }

    /// The file of the key, and the option that named it.
    fn key_file<'a>(&'a self, certificate: &'a Path) -> (&'static str, &'a Path) {
        match &self.key {
            Some(key) => (self.options.key, key.as_path()),
            None => (self.options.certificate, certificate),
        }
    }
}

/// Reads the certificates in a PEM file, at least one; `option` is how it was named. Blocks.
///
/// # Errors
/// If it cannot be read or has none: a line that names the option.
pub fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let read = read_named(path, SMALL);
    let read = read.map_err(|error| format!("{option} {shown} cannot be read: {error}"))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read.bytes).collect();
    let found = found.map_err(|error| format!("{option} {shown} is no PEM file: {error}"))?;
    if found.is_empty() {
        return Err(format!("{option} {shown} has no certificate in PEM"));
    }
    Ok(found)
}

/// Reads the first private key in a PEM file; `option` is how it was named. Blocks.
///
/// # Errors
/// If it cannot be read or has none, or if others may read it: a line that names the option.
pub fn private_key(option: &str, path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let read = read_secret(option, path)?;
    PrivateKeyDer::from_pem_slice(&read).map_err(|error| {
        let shown = path.display();
        format!("{option} {shown} has no private key in PEM: {error}")
    })
}

/// Reads the text of a PEM file without a secret; blocks.
///
/// # Errors
/// If it cannot be read: a line that names the option.
pub fn read_pem(option: &str, path: &Path) -> Result<String, String> {
    let read = read_named(path, SMALL)
        .map_err(|error| format!("{option} {} cannot be read: {error}", path.display()))?;
    text(option, path, read.bytes)
}

/// Reads the text of a PEM file that says whom to trust; blocks.
///
/// # Errors
/// If it cannot be read, or if others may write it: a line that names the option.
pub fn read_trusted(option: &str, path: &Path) -> Result<String, String> {
    let shown = path.display();
    let about = path.metadata().ok();
    match about.as_ref().and_then(untrusted) {
        Some(why) => Err(format!("{option} {shown} says whom to trust: {why}")),
        None => read_pem(option, path),
    }
}

fn text(option: &str, path: &Path, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| format!("{option} {} is no PEM file", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_is_of_no_use_is_named_with_its_option() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let files = ClientFiles {
            ca: Some(path.clone()),
            certificate: None,
            key: None,
            options: TlsOptionNames {
                ca: "--tls",
                certificate: "--tls-cert",
                key: "--tls-key",
                port: "its port for TLS",
            },
        };
        let why = || files.config().err().unwrap();
        assert!(why().starts_with("--tls /") && why().contains("cannot be read"));
        fs::write(&path, "nothing\n").unwrap();
        assert!(why().ends_with("is of no use: it has no certificate in PEM"));
        fs::write(&path, b"\xff\n").unwrap();
        assert!(why().ends_with("is no PEM file"), "{}", why());
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(why().contains("others may write it"), "{}", why());
    }
}
