//! What the certificate of a client permits. The CA says who may have which name: a node speaks for the names in its
//! certificate and for no other, so that no node can take another's name, key or place.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;

use super::facts::CertificateFacts;
use crate::fields::HostName;
use crate::message::ClientRequest;
use crate::rejection::Rejection;

/// The most names that a rejection shows.
const MOST_SHOWN: usize = 3;

/// A client that has proven itself by a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertifiedClient {
    /// The names in its certificate. A pattern such as `*.hadoop.com` names no node, and is none of them.
    names: BTreeSet<HostName>,
    /// Whether it may forget every node.
    is_operator: bool,
    /// The end of the certificate's time.
    until: SystemTime,
}

impl CertifiedClient {
    /// The client with this certificate, whose signature and time were checked; one with a name of `operators` may forget
    /// every node.
    ///
    /// # Errors
    /// If the certificate cannot be read.
    pub(crate) fn of(
        certificate: &CertificateDer<'_>,
        operators: &[HostName],
    ) -> Result<Self, Rejection> {
        let facts = CertificateFacts::read(certificate);
        let facts = facts.map_err(|why| Rejection::new(format!("it {why}")))?;
        let names = facts.names.iter().filter_map(|name| name.parse().ok());
        let names: BTreeSet<HostName> = names.collect();
        Ok(Self {
            is_operator: operators.iter().any(|name| names.contains(name)),
            names,
            until: facts.valid[1],
        })
    }

    /// For how long it is still who it says.
    pub(crate) fn remains(&self, now: SystemTime) -> Duration {
        self.until.duration_since(now).unwrap_or_default()
    }

    /// Whether it may make this request.
    ///
    /// # Errors
    /// A rejection that says what the certificate would have to have.
    pub(crate) fn permits(&self, request: &ClientRequest) -> Result<(), Rejection> {
        let name = match request {
            ClientRequest::Register(node) | ClientRequest::Leave(node) => &node.name,
            ClientRequest::Heartbeat(beat) => &beat.name,
            ClientRequest::Forget(..) if self.is_operator => return Ok(()),
            ClientRequest::Forget(name, _) => name,
            // A confirmation is for the name that this connection has spoken for.
            ClientRequest::Confirm | ClientRequest::List(_) => return Ok(()),
        };
        if self.names.contains(name) {
            return Ok(());
        }
        let shown = self.shown();
        Err(Rejection::new(match request {
            ClientRequest::Forget(..) => format!(
                "{name} is forgotten by itself or an --operator of the server, and this certificate is for {shown}"
            ),
            _ => format!(
                "hostname {name} is not in the certificate, which is for {shown}; issue one for {name}, or give \
                 --hostname"
            ),
        }))
    }

    fn shown(&self) -> String {
        let shown = self.names.iter().take(MOST_SHOWN).map(HostName::as_str);
        let shown = shown.collect::<Vec<_>>().join(", ");
        match self.names.len() {
            0 => "no node".to_owned(),
            count if count > MOST_SHOWN => format!("{shown}, …"),
            _ => shown,
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;
    use crate::message::NodeHeartbeat;

    fn client(names: &[&str], operators: &[&str]) -> CertifiedClient {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "other.hadoop.com");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let operators: Vec<HostName> = operators.iter().map(|name| name.parse().unwrap()).collect();
        CertifiedClient::of(certificate.der(), &operators).unwrap()
    }

    fn requests(name: &str) -> [ClientRequest; 4] {
        let message = |kind: &str| {
            let text = format!(
                r#"{{"role": "slave", "is_alive": "True", "hostname": "{name}", "ip": "10.0.0.1", "username": "hadoop",
                "id_rsa.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"{kind}}}"#
            );
            ClientRequest::read(text.as_bytes(), false).unwrap()
        };
        let requests = [
            message(""),
            message(r#", "type": "leave""#),
            message(r#", "type": "heartbeat""#),
            ClientRequest::Forget(name.parse().unwrap(), true),
        ];
        assert!(matches!(
            requests[2],
            ClientRequest::Heartbeat(NodeHeartbeat { .. })
        ));
        requests
    }

    #[test]
    fn a_node_speaks_for_the_names_of_its_certificate_alone() {
        let node = client(&["N1.hadoop.com", "10.0.0.1", "*.hadoop.com"], &[]);
        for request in requests("n1.hadoop.com") {
            assert_eq!(node.permits(&request), Ok(()), "{request:?}");
        }
        // Neither the pattern nor the common name is a node's name.
        for name in ["n2.hadoop.com", "other.hadoop.com", "hadoop.com", "n1"] {
            for request in requests(name) {
                let why = node.permits(&request).unwrap_err().to_string();
                assert!(why.contains("is for n1.hadoop.com"), "{why}");
            }
        }
        assert_eq!(node.permits(&ClientRequest::List(true)), Ok(()));
        assert_eq!(node.permits(&ClientRequest::Confirm), Ok(()));
    }

    #[test]
    fn an_operator_forgets_every_node_and_is_none_of_them() {
        let operator = client(&["ops.hadoop.com"], &["ops.hadoop.com"]);
        let [register, leave, beat, forget] = requests("n1.hadoop.com");
        assert_eq!(operator.permits(&forget), Ok(()));
        for request in [register, leave, beat] {
            assert!(operator.permits(&request).is_err(), "{request:?}");
        }
        let other = client(&["n1.hadoop.com"], &["ops.hadoop.com"]);
        let [.., forget] = requests("n2.hadoop.com");
        let why = other.permits(&forget).unwrap_err().to_string();
        assert!(why.contains("--operator"), "{why}");
    }

    #[test]
    fn a_certificate_without_names_permits_none() {
        let why = client(&[], &[]).permits(&requests("n1")[0]).unwrap_err();
        assert!(why.to_string().contains("which is for no node;"), "{why}");
        let many: Vec<String> = (1..=9).map(|n| format!("n{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let why = client(&many, &[]).permits(&requests("m")[0]).unwrap_err();
        assert!(why.to_string().contains("for n1, n2, n3, …;"), "{why}");
    }
}
