//! What both ends of a connection prove themselves with: the cluster's secret, certificates, or both. The options name
//! files, and a secret or a key stands in a file alone.

use std::path::PathBuf;

use anyhow::{Context, Error, bail};
use clap::Args;

use super::auth::Secret;
use super::tls::TlsFiles;
use heartline_process::files;

/// What one end proves itself with.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub(super) secret: Option<Secret>,
    pub(super) tls: Option<TlsFiles>,
}

impl Credentials {
    /// Whether there are any: without, no signature is asked for.
    pub(super) fn are_any(&self) -> bool {
        self.secret.is_some() || self.tls.is_some()
    }
}

impl From<Secret> for Credentials {
    /// The secret alone: messages are authenticated, and can be read on their way.
    fn from(secret: Secret) -> Self {
        Self {
            secret: Some(secret),
            tls: None,
        }
    }
}

/// The options for the secret and the certificates, the same for both ends.
#[derive(Args, Clone, Debug)]
pub(super) struct CredentialOptions {
    /// File with the cluster's secret, readable by its owner only; create one with: openssl rand -hex 32
    #[arg(long, value_name = "FILE", env = "HEARTLINE_SECRET_FILE")]
    secret_file: Option<PathBuf>,

    /// Run without a secret even where others can reach the port: opens every node to anyone who connects
    #[arg(long, conflicts_with = "secret_file")]
    insecure_seed_protocol: bool,

    /// Speak TLS only, with others whose certificates a CA of this PEM file has signed; heartline nodes ca makes one
    #[arg(long, value_name = "CA-FILE", env = "HEARTLINE_NODES_TLS_CA")]
    tls_ca: Option<PathBuf>,

    /// Certificate of this server or node with its chain, PEM. A file that is replaced is used for the next connections
    #[arg(long, value_name = "FILE", env = "HEARTLINE_NODES_TLS_CERT")]
    tls_cert: Option<PathBuf>,

    /// Private key of the certificate, PEM, readable by its owner only [default: in the file of the certificate]
    #[arg(long, value_name = "FILE", env = "HEARTLINE_NODES_TLS_KEY")]
    tls_key: Option<PathBuf>,
}

impl CredentialOptions {
    /// Reads the secret, and checks the options of TLS; does not read the certificates.
    pub(super) fn read(&self) -> anyhow::Result<Credentials> {
        Ok(Credentials {
            secret: self.secret()?,
            tls: self.tls()?,
        })
    }

    fn secret(&self) -> anyhow::Result<Option<Secret>> {
        let Some(path) = &self.secret_file else {
            return Ok(None);
        };
        let bytes = files::read_secret("--secret-file", path).map_err(Error::msg)?;
        let secret = Secret::new(&bytes);
        secret
            .map(Some)
            .with_context(|| format!("--secret-file {}", path.display()))
    }

    fn tls(&self) -> anyhow::Result<Option<TlsFiles>> {
        match (&self.tls_ca, &self.tls_cert, &self.tls_key) {
            (None, None, None) => Ok(None),
            (Some(_), Some(_), _) if self.insecure_seed_protocol => {
                bail!("--insecure-seed-protocol does not go with --tls-ca: leave it out")
            }
            (Some(ca), Some(certificate), key) => Ok(Some(TlsFiles {
                ca: ca.clone(),
                certificate: certificate.clone(),
                key: key.as_ref().unwrap_or(certificate).clone(),
            })),
            (None, Some(_), _) => {
                bail!("--tls-cert needs --tls-ca, with the CA of the other end's certificates")
            }
            (Some(_), None, _) => {
                bail!("--tls-ca needs --tls-cert: both ends show a certificate")
            }
            (None, None, Some(_)) => bail!("--tls-key needs --tls-cert and --tls-ca"),
        }
    }

    /// Whether messages are sent without any protection, and nobody has said that they may be.
    pub(super) fn is_open(&self) -> bool {
        self.secret_file.is_none() && self.tls_ca.is_none() && !self.insecure_seed_protocol
    }
}
