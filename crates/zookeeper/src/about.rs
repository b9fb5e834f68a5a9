//! What messages about refused requests tell of a session: who it is, and where.

use zookeeper_client::Error;

use super::{Failure, age};

/// What messages tell of the session.
#[derive(Debug)]
pub(super) struct About {
    pub(super) hosts: String,
    /// Who it is.
    pub(super) identity: String,
    pub(super) has_tls: bool,
}

impl About {
    /// The failure when a server does not know a request: all requests that heartline uses came with ZooKeeper
    /// 3.5.
    pub(super) async fn unimplemented(&self) -> Failure {
        let answer = match self.hosts.parse() {
            Ok(address) if !self.has_tls => age::first_answer(&address).await,
            _ => None,
        };
        let old = answer.as_ref().filter(|(_, version)| version.is_too_old());
        let old = old.map(|(server, version)| (server.as_str(), *version));
        Failure::Refused(age::needs(old))
    }

    /// The failure when the server knows no identity of this session that it could give rights to.
    pub(super) fn not_known(&self) -> Failure {
        Failure::Refused(format!(
            "the server took no notice of {}: for SASL it needs a JAAS file, and authProvider.1=\
             org.apache.zookeeper.server.auth.SASLAuthenticationProvider in its zoo.cfg",
            self.identity
        ))
    }

    /// The failure when the ACL of a znode does not let this session do `what`.
    pub(super) fn not_allowed(&self, what: &str) -> Failure {
        Failure::Refused(format!(
            "{} may not {what}: use the credentials of the job's owner (--zookeeper-auth, --zookeeper-sasl), or have the \
             owner run setup-zookeeper --secure with the --acl that is wanted",
            self.identity
        ))
    }
}

/// Why no session was opened by this identity; `advice` is what to do if it is refused.
pub(super) fn unopened(error: Error, identity: &str, advice: &str) -> Failure {
    match error {
        Error::AuthFailed => Failure::Refused(format!("ZooKeeper refuses {identity}: {advice}")),
        error => error.into(),
    }
}
