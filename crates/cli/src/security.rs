//! The options of secured ensembles: who a program is for ZooKeeper, and what others may do with its znodes. Each names a
//! file or a method; a secret never stands on a command line, which everybody on the host can read.

use std::path::PathBuf;

use clap::Args;

use super::values::AclValue;
use heartline_zookeeper::{DigestFile, SaslMechanism, Security};

/// How to speak TLS with the servers of an ensemble.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "ZooKeeper security")]
pub struct TlsOptions {
    /// Connect by TLS to servers whose certificates a CA of this PEM file has signed for their host names. A replaced file
    /// is read again within 30 s
    #[arg(
        id = "zookeeper-tls",
        long,
        value_name = "CA-FILE",
        env = "HEARTLINE_ZOOKEEPER_TLS"
    )]
    ca: Option<PathBuf>,

    /// The certificate of this program, for servers that ask for one: a PEM file, with its chain
    #[arg(
        id = "zookeeper-tls-cert",
        long,
        value_name = "FILE",
        env = "HEARTLINE_ZOOKEEPER_TLS_CERT"
    )]
    certificate: Option<PathBuf>,

    /// The key of the certificate, which only its owner may read [default: in the file of the certificate]
    #[arg(
        id = "zookeeper-tls-key",
        long,
        value_name = "FILE",
        env = "HEARTLINE_ZOOKEEPER_TLS_KEY"
    )]
    key: Option<PathBuf>,
}

impl TlsOptions {
    /// The options as settings of connections without an identity but that of the certificate.
    pub fn settings(&self) -> Security {
        Security {
            ca: self.ca.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            ..Security::default()
        }
    }
}

/// How to connect to a secured ensemble.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "ZooKeeper security")]
pub struct SecurityOptions {
    /// Authenticate by ZooKeeper's scheme digest, with the line USER:PASSWORD of a file that only its owner may read
    #[arg(long, value_name = "digest:FILE", env = "HEARTLINE_ZOOKEEPER_AUTH")]
    zookeeper_auth: Option<DigestFile>,

    /// Authenticate by SASL: with the line USER:PASSWORD of a file, or by Kerberos, with a ticket of the cache
    /// of KRB5CCNAME or the keytab of `KRB5_CLIENT_KTNAME`; krb5.conf must set `enforce_ok_as_delegate`
    #[arg(
        long,
        value_name = "digest-md5:FILE|gssapi",
        env = "HEARTLINE_ZOOKEEPER_SASL"
    )]
    zookeeper_sasl: Option<SaslMechanism>,

    #[command(flatten)]
    tls: TlsOptions,

    /// What others may do with the job's znodes. Its own identity may do everything, and where others may not, orders of
    /// others are refused [default: read with an identity, world without]
    #[arg(long, value_name = "OTHERS", env = "HEARTLINE_ACL")]
    acl: Option<AclValue>,
}

impl SecurityOptions {
    /// The options as settings of a session.
    pub fn settings(&self) -> Security {
        Security {
            digest: self.zookeeper_auth.clone(),
            sasl: self.zookeeper_sasl.clone(),
            acl: self.acl.map(Into::into),
            ..self.tls.settings()
        }
    }
}
