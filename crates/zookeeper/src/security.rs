//! How a session proves who it is, and what others may do with the znodes that it creates. Holds names of files, never a
//! secret: the files are read when a session is opened, so a new password or certificate needs no restart.

mod blocking;
mod identity;
mod kerberos;
mod renewal;
mod tls;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use blocking::TlsClient;
use heartline_kerberos::{IS_BUILT, WITHOUT_KERBEROS};
use heartline_tls::{ClientFiles, TlsOptionNames};
pub(crate) use identity::{Identity, Rights};
pub(crate) use renewal::Renewal;
use tls::Certificates;
pub(crate) use tls::nameless;

/// How the options are called that name certificates.
const OPTIONS: TlsOptionNames = TlsOptionNames {
    ca: "--zookeeper-tls",
    certificate: "--zookeeper-tls-cert",
    key: "--zookeeper-tls-key",
    port: "its secureClientPort",
};

/// How sessions are secured. The default is ZooKeeper's own: nobody authenticates, everybody may do everything, and
/// nothing is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// Name and password of ZooKeeper's scheme `digest` (`addauth`).
    pub digest: Option<DigestFile>,
    /// Authentication by SASL.
    pub sasl: Option<SaslMechanism>,
    /// The certificates of the CAs whose servers are trusted; `None` without TLS.
    pub ca: Option<PathBuf>,
    /// This program's own certificate, for servers that ask for one.
    pub certificate: Option<PathBuf>,
    /// The certificate's key; by default in the file of the certificate.
    pub key: Option<PathBuf>,
    /// What others may do with znodes; by default [`AclMode::Read`] if the session authenticates.
    pub acl: Option<AclMode>,
}

impl Security {
    /// Whether sessions have an identity, so that znodes can be closed to others.
    pub fn authenticates(&self) -> bool {
        self.digest.is_some() || self.sasl.is_some() || self.certificate.is_some()
    }

    /// What others may do with znodes that a session creates.
    pub fn acl(&self) -> AclMode {
        let secured = self
            .authenticates()
            .then(|| self.acl.unwrap_or(AclMode::Read));
        secured.unwrap_or(AclMode::World)
    }

    /// The files of a connection by TLS.
    pub(crate) fn tls(&self) -> ClientFiles {
        ClientFiles {
            ca: self.ca.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            options: OPTIONS,
        }
    }

    /// Whether tickets of Kerberos are needed.
    fn needs_tickets(&self) -> bool {
        self.sasl == Some(SaslMechanism::Gssapi)
    }

    /// Whether orders of anybody but the own identity are refused.
    pub fn closes_orders(&self) -> bool {
        self.acl() != AclMode::World
    }

    /// Why the settings do not fit together; `None` if they do.
    pub fn misfit(&self) -> Option<&'static str> {
        if self.certificate.is_some() && self.ca.is_none() {
            Some("--zookeeper-tls-cert needs --zookeeper-tls, with the CA of the servers")
        } else if self.key.is_some() && self.certificate.is_none() {
            Some("--zookeeper-tls-key needs --zookeeper-tls-cert")
        } else if !self.authenticates() && self.acl.is_some_and(|acl| acl != AclMode::World) {
            Some(
                "--acl needs an identity to give the rights to: --zookeeper-auth, --zookeeper-sasl or --zookeeper-tls-cert",
            )
        } else {
            None
        }
    }
}

/// What others may do with the job's znodes. The job's own identity may do everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclMode {
    /// Nothing.
    Private,
    /// Read, except claims, which hold the key of the direct connections.
    Read,
    /// Everything.
    World,
}

/// `digest:FILE`: a file with a line `USER:PASSWORD`, which only its owner may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestFile(PathBuf);

impl FromStr for DigestFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("digest", file)) if !file.is_empty() => Ok(Self(file.into())),
            _ => Err("write digest:FILE; the file holds a line USER:PASSWORD".to_owned()),
        }
    }
}

/// How a session authenticates by SASL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// By name and password of a file with a line `USER:PASSWORD`, as in a server's section of its JAAS file.
    DigestMd5(PathBuf),
    /// By Kerberos: a ticket of the cache (`KRB5CCNAME`) or of a keytab (`KRB5_CLIENT_KTNAME`).
    Gssapi,
}

impl FromStr for SaslMechanism {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("digest-md5", file)) if !file.is_empty() => Ok(Self::DigestMd5(file.into())),
            None if text == "gssapi" && IS_BUILT => Ok(Self::Gssapi),
            None if text == "gssapi" => Err(WITHOUT_KERBEROS.to_owned()),
            _ => Err(
                "write digest-md5:FILE, where the file holds a line USER:PASSWORD, or gssapi"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for DigestFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "digest:{}", self.0.display())
    }
}

impl fmt::Display for SaslMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DigestMd5(file) => write!(f, "digest-md5:{}", file.display()),
            Self::Gssapi => f.write_str("gssapi"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_may_read_by_default_once_there_is_an_identity() {
        let open = Security::default();
        assert_eq!((open.acl(), open.closes_orders()), (AclMode::World, false));
        let digest = Some("digest:f".parse().unwrap());
        let secured = Security { digest, ..open };
        assert_eq!(
            (secured.acl(), secured.closes_orders()),
            (AclMode::Read, true)
        );
        let acl = Some(AclMode::World);
        assert!(!Security { acl, ..secured }.closes_orders());
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let path = || Some(PathBuf::from("f"));
        let misfit = |security: Security| security.misfit().unwrap_or_default();
        let certificate = Security {
            certificate: path(),
            ..Security::default()
        };
        assert!(misfit(certificate.clone()).contains("needs --zookeeper-tls,"));
        let ca = path();
        assert_eq!(Security { ca, ..certificate }.misfit(), None);
        let key = Security {
            key: path(),
            ..Security::default()
        };
        assert!(misfit(key).contains("needs --zookeeper-tls-cert"));
        let acl = Security {
            acl: Some(AclMode::Private),
            ..Security::default()
        };
        assert!(misfit(acl).contains("needs an identity"));
    }

    #[test]
    fn a_method_is_named_with_its_file() {
        let digest: DigestFile = "digest:/a:b".parse().unwrap();
        assert_eq!(digest.to_string(), "digest:/a:b");
        for wrong in ["digest", "digest:", "/a", "user:password"] {
            assert!(wrong.parse::<DigestFile>().is_err(), "{wrong}");
            let error = wrong.parse::<SaslMechanism>().unwrap_err();
            assert!(!error.contains("password\""), "{error}");
        }
        let sasl: SaslMechanism = "digest-md5:/a".parse().unwrap();
        assert_eq!(sasl.to_string(), "digest-md5:/a");
    }
}
