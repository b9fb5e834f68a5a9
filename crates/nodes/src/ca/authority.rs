//! A CA in a folder: its key and its certificate, and beside them the certificates that it has signed.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Error, bail};
use humantime::format_rfc3339_seconds;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};
use sha2::{Digest, Sha256};

use crate::fields::HostName;
use crate::replace::{NewFile, ReplaceError, change, replace};
use crate::tls::CertificateFacts;
use heartline_core::text::hex;
use heartline_process::files::{read_secret, untrusted};
use heartline_tls::certificates;

/// The name that no certificate has but the CA's own.
pub(super) const RESERVED: &str = "ca";
/// How a certificate's file ends.
const ENDING: &str = "pem";
/// How long before its making a certificate begins to be valid: clocks of other hosts may be behind.
const BACKDATED: Duration = Duration::from_secs(5 * 60);
/// The longest common name (RFC 5280, appendix A.1). Nobody reads it; what counts is the list of names.
const LONGEST_COMMON_NAME: usize = 64;
/// How many digits of its key's digest are in a CA's name: two CAs are never taken for one.
const CA_DIGITS: usize = 8;

/// This number of days.
pub(super) fn days(count: u32) -> Duration {
    Duration::from_secs(24 * 3600) * count
}

/// A CA whose certificate and key fit together.
pub(super) struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    end: SystemTime,
}

/// The files of a new CA.
pub(super) struct NewAuthority {
    pub(super) key: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) end: SystemTime,
}

/// What a certificate is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CertificateOrder {
    /// DNS names, at least one.
    pub(super) names: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) is_for_servers: bool,
    pub(super) lifetime: Duration,
}

/// A certificate that was written.
pub(super) struct Issued {
    pub(super) path: PathBuf,
    pub(super) end: SystemTime,
    /// Whether it ends with its CA, before its time.
    pub(super) is_cut: bool,
}

fn key_path(folder: &Path) -> PathBuf {
    folder.join("ca.key")
}

fn certificate_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.{ENDING}"))
}

impl Authority {
    /// Makes a CA; replaces one that is there only if `is_forced`.
    pub(super) fn make(
        folder: &Path,
        now: SystemTime,
        lifetime: Duration,
        is_forced: bool,
    ) -> anyhow::Result<NewAuthority> {
        let shown = folder.display();
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder);
        made.with_context(|| format!("cannot make {shown}"))?;
        is_trusted(folder)?;
        let certificate = certificate_path(folder, RESERVED);
        if !is_forced && certificate.symlink_metadata().is_ok() {
            bail!("{}", exists(&certificate));
        }
        let key = KeyPair::generate()?;
        let digest = Sha256::digest(key.subject_public_key_info());
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name =
            common_name(format!("heartline nodes CA {}", &hex(&digest)[..CA_DIGITS]));
        let end = now + lifetime;
        params.not_before = (now - BACKDATED).into();
        params.not_after = end.into();
        let text = params.self_signed(&key)?.pem();
        let path = key_path(folder);
        put_secret(&path, &key.serialize_pem(), is_forced)?;
        put(&certificate, &text, 0o644, is_forced)?;
        Ok(NewAuthority {
            key: path,
            certificate,
            end,
        })
    }

    /// Opens the CA in a folder.
    pub(super) fn open(folder: &Path, now: SystemTime) -> anyhow::Result<Self> {
        let shown = folder.display();
        let path = key_path(folder);
        if !path.exists() {
            bail!("there is no CA in {shown}; make one with: heartline nodes ca init {shown}");
        }
        is_trusted(folder)?;
        let key = read_secret("the CA's key", &path).map_err(Error::msg)?;
        let key = String::from_utf8(key).ok();
        let key = key.and_then(|text| KeyPair::from_pem(&text).ok());
        let key = key.with_context(|| format!("{} has no private key in PEM", path.display()))?;
        let path = certificate_path(folder, RESERVED);
        let chain = certificates("the CA's certificate", &path).map_err(Error::msg)?;
        let facts = facts(&path)?;
        if facts.public_key != key.subject_public_key_info() {
            bail!(
                "the key and the certificate of the CA in {shown} do not fit together; restore both, or make another CA \
                 with: heartline nodes ca init --force {shown}"
            );
        }
        let [_, end] = facts.valid;
        if end <= now {
            let end = format_rfc3339_seconds(end);
            bail!(
                "the CA in {shown} was valid until {end}; make another with: heartline nodes ca init --force {shown}"
            );
        }
        Ok(Self {
            folder: folder.to_owned(),
            issuer: Issuer::from_ca_cert_der(&chain[0], key)?,
            end,
        })
    }

    /// Signs a certificate and writes it with its key into the file of this name; replaces one that is there only if
    /// `is_forced`. The file is replaced in one step, so that nobody finds a certificate with another one's key.
    pub(super) fn issue(
        &self,
        name: &HostName,
        order: &CertificateOrder,
        now: SystemTime,
        is_forced: bool,
    ) -> anyhow::Result<Issued> {
        let mut names = order.names.clone();
        names.extend(order.addresses.iter().map(ToString::to_string));
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = common_name(match name.as_str() {
            short if short.len() <= LONGEST_COMMON_NAME => short.to_owned(),
            _ => "heartline node".to_owned(),
        });
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if order.is_for_servers {
            let purpose = ExtendedKeyUsagePurpose::ServerAuth;
            params.extended_key_usages.push(purpose);
        }
        let end = self.end.min(now + order.lifetime);
        params.not_before = (now - BACKDATED).into();
        params.not_after = end.into();
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let path = certificate_path(&self.folder, name.as_str());
        let text = certificate.pem() + &key.serialize_pem();
        put_secret(&path, &text, is_forced)?;
        Ok(Issued {
            path,
            end,
            is_cut: end < now + order.lifetime,
        })
    }

    /// What the certificate in the file of this name says, to be issued anew.
    pub(super) fn order_of(&self, name: &HostName) -> anyhow::Result<CertificateOrder> {
        let path = certificate_path(&self.folder, name.as_str());
        if !path.exists() {
            bail!(
                "there is no {}; make it with: heartline nodes ca issue",
                path.display()
            );
        }
        let facts = facts(&path)?;
        let [begin, end] = facts.valid;
        let lifetime = end.duration_since(begin).unwrap_or_default();
        Ok(CertificateOrder {
            names: facts.names,
            addresses: facts.addresses,
            is_for_servers: facts.is_for_servers,
            lifetime: lifetime.saturating_sub(BACKDATED),
        })
    }

    /// The names of all certificates in the folder that are in the last third of their time, or over, and of those that
    /// cannot be read. A certificate without a DNS name, as that of another CA, is none that was issued here.
    pub(super) fn due(&self, now: SystemTime) -> anyhow::Result<Vec<HostName>> {
        let shown = self.folder.display();
        let entries = fs::read_dir(&self.folder).with_context(|| format!("cannot read {shown}"))?;
        let mut due = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let is_certificate = path.extension().is_some_and(|ending| ending == ENDING);
            let name = path.file_stem().and_then(|name| name.to_str());
            let name: Option<HostName> = name.and_then(|name| name.parse().ok());
            let Some(name) = name.filter(|name| is_certificate && name.as_str() != RESERVED) else {
                continue;
            };
            let is_due = facts(&path).map_or(true, |facts| {
                let [begin, end] = facts.valid;
                let lifetime = end.duration_since(begin).unwrap_or_default();
                !facts.names.is_empty() && now + lifetime / 3 >= end
            });
            if is_due {
                due.push(name);
            }
        }
        due.sort_unstable();
        Ok(due)
    }
}

fn common_name(name: String) -> rcgen::DistinguishedName {
    let mut names = rcgen::DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// Fails if others could exchange what is in the folder.
fn is_trusted(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    let about = fs::metadata(folder).with_context(|| format!("cannot read {shown}"))?;
    match untrusted(&about) {
        Some(why) => bail!("{shown}: {why}"),
        None => Ok(()),
    }
}

fn facts(path: &Path) -> anyhow::Result<CertificateFacts> {
    let shown = path.display();
    let chain = certificates("the certificate", path).map_err(Error::msg)?;
    CertificateFacts::read(&chain[0]).map_err(|why| Error::msg(format!("{shown} {why}")))
}

/// Writes a file with a key.
fn put_secret(path: &Path, text: &str, is_forced: bool) -> anyhow::Result<()> {
    if path.exists() {
        // The new file gets the mode of the old one.
        read_secret("the key in", path).map_err(Error::msg)?;
    }
    put(path, text, 0o600, is_forced)
}

fn put(path: &Path, text: &str, mode: u32, is_forced: bool) -> anyhow::Result<()> {
    let fresh = NewFile::own(mode);
    let shown = path.display();
    if is_forced {
        let written = replace(path, text.as_bytes(), fresh);
        return written.with_context(|| format!("{shown} cannot be written"));
    }
    let written = change(path, fresh, |before| match before {
        [] => Ok(Some(text.as_bytes().to_vec())),
        _ => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
    });
    match written {
        Ok(_) => Ok(()),
        Err(ReplaceError::Made(_)) => bail!("{}", exists(path)),
        Err(why) => Err(why).context(shown.to_string()),
    }
}

fn exists(path: &Path) -> String {
    format!("{} exists; --force replaces it", path.display())
}

#[cfg(test)]
mod tests;
