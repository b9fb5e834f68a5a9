//! Who a session says it is: reads the secrets of its files when it is opened.

use std::path::Path;
use std::time::Duration;

use heartline_process::files::read_secret;
use heartline_process::off_thread::off_thread;
use tokio::time::timeout;
use zookeeper_client::{Acl, Acls, Permission, SaslOptions, TlsOptions};

use super::kerberos::fetch_tickets;
use super::{AclMode, Certificates, Renewal, SaslMechanism, Security, WITHOUT_KERBEROS};
use crate::client::Access;

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
        let security = security.clone();
        let read = off_thread(move || Self::read(&security, &hosts));
        let read = timeout(LIMIT, read).await;
        read.ok().flatten().unwrap_or_else(|| {
            Err(format!(
                "the credentials cannot be read within {LIMIT:?}: with --zookeeper-sasl gssapi the KDC does not answer (see \
                 kdc in krb5.conf), otherwise the disk of their files"
            ))
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
            let (user, password) = credentials("--zookeeper-auth", &file.0)?;
            digest = Some(format!("{user}:{password}").into_bytes());
            shown.push(format!("the user {user} of --zookeeper-auth {file}"));
        }
        let hosts = if security.needs_tickets() { hosts } else { &[] };
        fetch_tickets(hosts)?;
        let mut sasl = None;
        if let Some(mechanism) = &security.sasl {
            let (options, user) = sasl_options(mechanism)?;
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
        })
    }
}

fn sasl_options(mechanism: &SaslMechanism) -> Result<(SaslOptions, String), String> {
    match mechanism {
        SaslMechanism::DigestMd5(file) => {
            let (user, password) = credentials("--zookeeper-sasl", file)?;
            let shown = format!("the user {user}");
            Ok((SaslOptions::digest_md5(user, password).into(), shown))
        }
        SaslMechanism::Gssapi => {
            let options = KERBEROS.ok_or(WITHOUT_KERBEROS)?;
            Ok((options(), "the Kerberos principal".to_owned()))
        }
    }
}

/// Reads the name and the password of a file with one line `USER:PASSWORD`.
fn credentials(option: &str, path: &Path) -> Result<(String, String), String> {
    let bytes = read_secret(option, path)?;
    let text = String::from_utf8(bytes).ok();
    let line = text
        .as_deref()
        .map(|text| text.trim_end_matches(['\n', '\r']));
    match line.and_then(|line| line.split_once(':')) {
        Some((user, password))
            if !user.is_empty()
                && !password.is_empty()
                && !user.contains(char::is_control)
                && !password.contains(char::is_control) =>
        {
            Ok((user.to_owned(), password.to_owned()))
        }
        _ => Err(format!(
            "{option} {} must hold one line USER:PASSWORD",
            path.display()
        )),
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
    use std::path::PathBuf;

    use super::*;

    fn file(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("credentials");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    #[test]
    fn a_file_holds_one_line_with_a_name_and_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "job:se:cret\n");
        let read = credentials("--x", &path);
        assert_eq!(read, Ok(("job".to_owned(), "se:cret".to_owned())));
        for wrong in ["", "job\n", "job:\n", ":x\n", "a:b\nc:d\n", "job:a\u{7}\n"] {
            let path = file(folder.path(), wrong);
            let error = credentials("--x", &path).unwrap_err();
            assert!(
                error.ends_with("must hold one line USER:PASSWORD"),
                "{error}"
            );
        }
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
