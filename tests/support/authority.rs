//! A certificate authority of a test, and the certificates that it signs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// Signs certificates; its own lies in a file.
pub(crate) struct Authority {
    folder: PathBuf,
    name: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority whose files begin with `name`.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).expect("a folder");
        Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            issuer: Issuer::new(params, key),
        }
    }

    /// The file of its certificate.
    pub(crate) fn certificate(&self) -> String {
        let path = self.folder.join(format!("{}.pem", self.name));
        path.to_str().expect("a path").to_owned()
    }

    /// Signs a certificate for `name`, and for this host or domain; the file holds the key too.
    pub(crate) fn sign(&self, name: &str, host: &str) -> String {
        self.sign_until(name, host, 2100)
    }

    /// Signs one that is valid until the beginning of `year`.
    pub(crate) fn sign_until(&self, name: &str, host: &str, year: i32) -> String {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let path = self.folder.join(format!("{name}.pem"));
        let text = format!("{}{}", key.serialize_pem(), certificate.pem());
        fs::write(&path, text).expect("a folder");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its owner");
        path.to_str().expect("a path").to_owned()
    }
}
