//! Who a session says it is: reads the secrets of its files when it is opened.

use std::time::Duration;

use heartline_kerberos::{UNREACHABLE, WITHOUT_KERBEROS};
use heartline_process::files::read_credentials;
use heartline_process::off_thread::off_thread;
use tokio::time::timeout;
use zookeeper_client::{Acl, Acls, Permission, SaslOptions, TlsOptions};

use super::kerberos::{REFUSED_TICKET, fetch_tickets, refuse_forwardable};
use super::{AclMode, Certificates, Renewal, SaslMechanism, Security};
use crate::client::Access;

/// What to do where a server refuses a name with a password, or a certificate.
const REFUSED: &str = "check the name and the password in the file and at the servers, and whether they ask for \
                       --zookeeper-sasl, --zookeeper-auth or --zookeeper-tls-cert";

/// How long reading the credentials may take: an attempt to open a session has 2 s for each server.
const LIMIT: Duration = Duration::from_millis(1500);

/// The options for Kerberos, in a build with it.
#[cfg(feature = "gssapi")]
const KERBEROS: Option<fn() -> SaslOptions> = Some(|| SaslOptions::gssapi().into());
#[cfg(not(feature = "gssapi"))]
const KERBEROS: Option<fn() -> SaslOptions> = None;

/// What an anonymous session is called.
const NOBODY: &str = "a session without credentials";

/// The credentials of one session. `Debug` is not derived: it holds passwords.
pub(crate) struct Identity {
    /// `USER:PASSWORD` of the scheme `digest`.
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) sasl: Option<SaslOptions>,
    pub(crate) tls: Option<TlsOptions>,
    /// What has to be renewed while the session lasts.
    pub(crate) renewal: Option<Renewal>,
    /// For people: who this is, by which means; no secret.
    pub(crate) shown: String,
    /// What to do if a server refuses it.
    pub(crate) advice: &'static str,
}

impl Identity {
    /// Reads the credentials for sessions with these servers.
    ///
    /// # Errors
    /// A line for people, also if a disk or a KDC does not answer in time.
    ///
    /// # Cancellation safety
    /// When the future is dropped, nothing is lost.
    pub(crate) async fn load(security: &Security, hosts: Vec<String>) -> Result<Self, String> {
        if *security == Security::default() {
            return Self::read(security, &hosts);
        }
        let needs_tickets = security.needs_tickets();
        let security = security.clone();
        let read = off_thread(move || Self::read(&security, &hosts));
        let read = timeout(LIMIT, read).await;
        let read = read.ok().flatten();
        read.unwrap_or_else(|| {
            Err(if needs_tickets {
                format!("no Kerberos ticket: the KDC does not answer within {LIMIT:?}; {UNREACHABLE}")
            } else {
                format!("the credentials cannot be read within {LIMIT:?}: the disk of their files does not answer")
            })
        })
    }

    /// Reads the files that `security` names, and fetches tickets; blocks.
    ///
    /// # Errors
    /// A line for people that names the option and says what to do.
    fn read(security: &Security, hosts: &[String]) -> Result<Self, String> {
        if let Some(misfit) = security.misfit() {
            return Err(misfit.to_owned());
        }
        let mut shown = Vec::new();
        let mut digest = None;
        if let Some(file) = &security.digest {
            let (user, password) = read_credentials("--zookeeper-auth", &file.0)?;
            digest = Some(format!("{user}:{password}").into_bytes());
            shown.push(format!("the user {user} of --zookeeper-auth {file}"));
        }
        let hosts = if security.needs_tickets() { hosts } else { &[] };
        let principal = fetch_tickets(hosts)?;
        refuse_forwardable(hosts)?;
        let mut sasl = None;
        if let Some(mechanism) = &security.sasl {
            let (options, user) = sasl_options(mechanism, principal)?;
            sasl = Some(options);
            shown.push(format!("{user} of --zookeeper-sasl {mechanism}"));
        }
        let certificates = Certificates::load(security)?;
        let tls = certificates.as_ref().map(Certificates::options);
        if let Some(certificate) = &security.certificate {
            shown.push(format!("the certificate {}", certificate.display()));
        }
        if shown.is_empty() {
            shown.push(NOBODY.to_owned());
        }
        Ok(Self {
            digest,
            sasl,
            tls,
            renewal: Renewal::of(certificates, hosts.to_vec()),
            shown: shown.join(", with "),
            advice: if security.needs_tickets() {
                REFUSED_TICKET
            } else {
                REFUSED
            },
        })
    }
}

fn sasl_options(
    mechanism: &SaslMechanism,
    principal: Option<String>,
) -> Result<(SaslOptions, String), String> {
    match mechanism {
        SaslMechanism::DigestMd5(file) => {
            let (user, password) = read_credentials("--zookeeper-sasl", file)?;
            let shown = format!("the user {user}");
            Ok((SaslOptions::digest_md5(user, password).into(), shown))
        }
        SaslMechanism::Gssapi => {
            let options = KERBEROS.ok_or(WITHOUT_KERBEROS)?;
            let principal = principal.unwrap_or_default();
            Ok((options(), format!("the Kerberos principal {principal}")))
        }
    }
}

/// The rights that a session gives to others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights(AclMode);

impl From<&Security> for Rights {
    fn from(security: &Security) -> Self {
        Self(security.acl())
    }
}

/// The own identity may do everything, others read.
static OWN_AND_READ: [Acl; 2] = [
    Acl::new_const(Permission::ALL, "auth", ""),
    Acl::new_const(Permission::READ, "world", "anyone"),
];

impl Rights {
    /// The ACL of a znode.
    pub(crate) fn acls(self, access: Access) -> Acls<'static> {
        match (self.0, access) {
            (AclMode::World, _) => Acls::anyone_all(),
            (AclMode::Private, _) | (AclMode::Read, Access::Private) => Acls::creator_all(),
            (AclMode::Read, Access::Shared) => Acls::new(&OWN_AND_READ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use super::*;

    fn file(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("credentials");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    #[test]
    fn who_it_is_is_told_without_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "job:secret\n");
        let digest = Some(format!("digest:{}", path.display()).parse().unwrap());
        let security = Security {
            digest,
            ..Security::default()
        };
        let identity = Identity::read(&security, &[]).ok().unwrap();
        assert!(
            identity
                .shown
                .starts_with("the user job of --zookeeper-auth digest:/")
        );
        assert!(!identity.shown.contains("secret"));
        let nobody = Identity::read(&Security::default(), &[]).ok().unwrap();
        assert_eq!(nobody.shown, NOBODY);
    }

    #[test]
    fn claims_are_closed_to_readers() {
        let read = Rights(AclMode::Read);
        assert_eq!(read.acls(Access::Shared).len(), 2);
        assert_eq!(read.acls(Access::Private), Acls::creator_all());
        assert_eq!(
            Rights(AclMode::World).acls(Access::Private),
            Acls::anyone_all()
        );
    }
}
