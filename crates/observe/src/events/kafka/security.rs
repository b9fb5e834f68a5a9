//! How brokers are reached: by TLS and SASL. Holds names of files, never a secret: the files are read for each client, so
//! that a new password or certificate needs no restart.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use heartline_process::files::read_credentials;
use heartline_tls::{ClientFiles, TlsOptionNames, host_of};
use rskafka::client::{ClientBuilder, Credentials, SaslConfig};

use super::super::target::Topic;

/// The option that names mechanism and credentials.
pub(super) const SASL: &str = "--kafka-sasl";
/// How the options are called that name certificates.
const OPTIONS: TlsOptionNames = TlsOptionNames {
    ca: "--kafka-tls",
    certificate: "--kafka-tls-cert",
    key: "--kafka-tls-key",
    port: "a listener of SSL or SASL_SSL",
};

/// How brokers are reached. The default is Kafka's own: without credentials and without encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::events) struct KafkaSecurity {
    /// The certificates of the CAs whose brokers are trusted; `None` without TLS.
    pub(in crate::events) ca: Option<PathBuf>,
    /// This program's own certificate, for brokers that ask for one.
    pub(in crate::events) certificate: Option<PathBuf>,
    /// The certificate's key; by default in the file of the certificate.
    pub(in crate::events) key: Option<PathBuf>,
    /// Authentication by SASL.
    pub(in crate::events) sasl: Option<KafkaSasl>,
}

impl KafkaSecurity {
    /// Why the settings do not fit together; `None` if they do.
    pub(super) fn misfit(&self, topic: &Topic) -> Option<String> {
        let has_ipv6 = |broker: &&String| broker.starts_with('[');
        if self.certificate.is_some() && self.ca.is_none() {
            Some("--kafka-tls-cert needs --kafka-tls, with the CA of the brokers".to_owned())
        } else if self.key.is_some() && self.certificate.is_none() {
            Some("--kafka-tls-key needs --kafka-tls-cert".to_owned())
        } else if self.ca.is_some()
            && let Some(broker) = topic.brokers.iter().find(has_ipv6)
        {
            // The client library cuts the name for the certificate at the first colon.
            Some(format!(
                "{broker} cannot be reached by TLS: name the broker by its host name, not by an IPv6 address"
            ))
        } else {
            None
        }
    }

    /// What is unsafe; `None` if nothing is.
    pub(super) fn warning(&self, topic: &Topic) -> Option<String> {
        let is_here = |broker: &String| {
            let host = host_of(broker);
            let address = host.parse().ok();
            host == "localhost" || address.is_some_and(|address: IpAddr| address.is_loopback())
        };
        let sends_password = self
            .sasl
            .as_ref()
            .is_some_and(|sasl| sasl.mechanism == KafkaMechanism::Plain);
        let is_open = sends_password && self.ca.is_none() && !topic.brokers.iter().all(is_here);
        is_open.then(|| {
            format!(
                "the password of {SASL} plain goes over the network in the clear: give --kafka-tls, or use scram-sha-512"
            )
        })
    }

    /// The files of a connection by TLS; `None` without TLS.
    pub(super) fn tls(&self) -> Option<ClientFiles> {
        let ca = Some(self.ca.clone()?);
        Some(ClientFiles {
            ca,
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            options: OPTIONS,
        })
    }

    /// Reads the files for a client; blocks.
    ///
    /// # Errors
    /// If a file is of no use, or if others may read a secret: a line that names the option and says what to do.
    pub(super) fn secure(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, String> {
        if let Some(files) = self.tls() {
            builder = builder.tls_config(Arc::new(files.config()?));
        }
        if let Some(sasl) = &self.sasl {
            builder = builder.sasl_config(sasl.read()?);
        }
        Ok(builder)
    }

    /// The user of the credentials, if they can be read; blocks.
    pub(super) fn user(&self) -> Option<String> {
        let sasl = self.sasl.as_ref()?;
        let (user, _) = read_credentials(SASL, &sasl.file).ok()?;
        Some(user)
    }
}

/// `MECHANISM:FILE`: how a program authenticates, and the file with a line `USER:PASSWORD`, which only its owner may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::events) struct KafkaSasl {
    pub(super) mechanism: KafkaMechanism,
    file: PathBuf,
}

/// The mechanisms of SASL with a name and a password. The client library has no GSSAPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KafkaMechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl KafkaMechanism {
    const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// As in a broker's `sasl.enabled.mechanisms`; in lower case in the option.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl KafkaSasl {
    /// Reads the credentials; blocks. The value must not be shown: its `Debug` has the password.
    fn read(&self) -> Result<SaslConfig, String> {
        let (user, password) = read_credentials(SASL, &self.file)?;
        let credentials = Credentials::new(user, password);
        Ok(match self.mechanism {
            KafkaMechanism::Plain => SaslConfig::Plain(credentials),
            KafkaMechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
            KafkaMechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
        })
    }
}

impl FromStr for KafkaSasl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once(':').unwrap_or_default();
        let named = |mechanism: &KafkaMechanism| mechanism.name().to_ascii_lowercase() == name;
        match KafkaMechanism::ALL.into_iter().find(named) {
            Some(mechanism) if !file.is_empty() => Ok(Self {
                mechanism,
                file: file.into(),
            }),
            _ => Err(
                "write plain:FILE, scram-sha-256:FILE or scram-sha-512:FILE; the file holds a line USER:PASSWORD"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for KafkaSasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.mechanism.name().to_ascii_lowercase();
        write!(f, "{name}:{}", self.file.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(brokers: &[&str]) -> Topic {
        Topic {
            brokers: brokers.iter().map(|broker| (*broker).to_owned()).collect(),
            name: "heartline".to_owned(),
        }
    }

    #[test]
    fn a_mechanism_is_named_with_its_file() {
        for text in ["plain:/a:b", "scram-sha-256:/a", "scram-sha-512:/a"] {
            assert_eq!(text.parse::<KafkaSasl>().unwrap().to_string(), text);
        }
        for wrong in ["", "plain", "plain:", "gssapi", "PLAIN:/a", "user:password"] {
            let why = wrong.parse::<KafkaSasl>().unwrap_err();
            assert!(why.starts_with("write plain:FILE"), "{wrong}: {why}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let path = || Some(PathBuf::from("f"));
        let security = |ca, certificate, key| KafkaSecurity {
            ca,
            certificate,
            key,
            sasl: None,
        };
        let misfit = |security: KafkaSecurity, broker| {
            let misfit = security.misfit(&topic(&[broker]));
            misfit.unwrap_or_default()
        };
        let without_ca = security(None, path(), None);
        assert!(misfit(without_ca, "k:1").contains("needs --kafka-tls,"));
        let without_certificate = security(path(), None, path());
        assert!(misfit(without_certificate, "k:1").contains("needs --kafka-tls-cert"));
        let all = security(path(), path(), path());
        assert_eq!(misfit(all.clone(), "k:1"), "");
        assert!(misfit(all, "[::1]:1").contains("name the broker by its host name"));
        assert_eq!(misfit(KafkaSecurity::default(), "[::1]:1"), "");
    }

    #[test]
    fn a_password_in_the_clear_is_told() {
        let warning = |sasl: &str, ca: Option<PathBuf>, brokers: &[&str]| {
            let sasl = Some(sasl.parse().unwrap());
            let security = KafkaSecurity {
                ca,
                sasl,
                ..KafkaSecurity::default()
            };
            security.warning(&topic(brokers)).is_some()
        };
        assert!(warning("plain:/a", None, &["localhost:1", "k:1"]));
        assert!(!warning("plain:/a", Some("f".into()), &["k:1"]));
        assert!(!warning("scram-sha-256:/a", None, &["k:1"]));
        let here = ["127.0.0.1:1", "localhost:1", "[::1]:1"];
        assert!(!warning("plain:/a", None, &here));
    }
}
