//! Pages of JSON over HTTP or HTTPS: the admin server of `ZooKeeper`; JMX, REST and `WebHDFS` of Hadoop.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use ureq::http::header::{AUTHORIZATION, COOKIE, WWW_AUTHENTICATE};
use ureq::http::{HeaderValue, Response, StatusCode};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::challenge::asks_for_ticket;
use super::{Silence, ask, left};
use heartline_kerberos::{UNREACHABLE, negotiate};
use heartline_tls::{read_pem, read_trusted};
use heartline_zookeeper::TlsClient;

/// The longest page, in bytes: it has room for some thousand nodes.
const MOST: u64 = 64 << 20;
/// The longest refusal, in bytes: at most, Hadoop sends a Java stack trace.
const MOST_OF_REFUSAL: u64 = 1 << 20;
/// How long before the end a ticket must be there, so that the page arrives by the end, or the reason is told by then.
const FOR_THE_PAGE: Duration = Duration::from_millis(400);

/// What a server is told that asks who one is.
#[derive(Clone, Debug, Default)]
enum Credential {
    #[default]
    Nothing,
    /// A ticket of Kerberos for `HTTP` at this host (SPNEGO).
    Ticket(String),
    /// Nothing, because there is no ticket.
    NoTicket,
    /// This cookie, with the first question.
    Cookie(String),
}

/// How the pages of servers are asked for: by HTTP, or by HTTPS.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// The certificates of those who may have signed the servers'; by HTTP without.
    authorities: Option<Arc<Vec<Certificate<'static>>>>,
    /// The own certificate, for servers that ask for one.
    own: Option<ClientCert>,
    /// Tells why a handshake failed.
    client: Option<TlsClient>,
    credential: Credential,
}

impl Pages {
    /// By HTTPS, from servers whose certificates these authorities (PEM) have signed for the names or addresses that are
    /// asked. Without a certificate in the text no server is trusted.
    pub fn signed_by(authorities: &[u8]) -> Self {
        Self {
            authorities: Some(Arc::new(certificates(authorities))),
            ..Self::default()
        }
    }

    /// By HTTPS, with the CAs and the own certificate of the files of `client`, which are read now; blocks.
    ///
    /// # Errors
    /// Which file is of no use, and why.
    pub fn by(client: TlsClient) -> Result<Self, String> {
        let files = client.files();
        let options = files.options;
        let mut authorities = Vec::new();
        if let Some(ca) = &files.ca {
            authorities = certificates(read_trusted(options.ca, ca)?.as_bytes());
        }
        let mut own = None;
        if let Some(path) = &files.certificate {
            let chain = certificates(read_pem(options.certificate, path)?.as_bytes());
            let key = PrivateKey::from_pem(files.key(path)?.as_bytes()).map_err(|error| {
                let shown = path.display();
                format!("{} {shown} is of no use: {error}", options.certificate)
            })?;
            own = Some(ClientCert::new_with_certs(&chain, key));
        }
        Ok(Self {
            authorities: Some(Arc::new(authorities)),
            own,
            client: Some(client),
            credential: Credential::default(),
        })
    }

    /// The same pages of a server whose principal is `HTTP/HOST`: if it asks for a ticket (RFC 4559), it gets one.
    #[must_use]
    pub fn with_ticket_for(&self, host: &str) -> Self {
        self.with(Credential::Ticket(host.to_owned()))
    }

    /// The same where it is known that there is no ticket.
    #[must_use]
    pub fn without_ticket(&self) -> Self {
        self.with(Credential::NoTicket)
    }

    /// The same with a cookie (`NAME=VALUE`) that proves who one is.
    #[must_use]
    pub fn with_cookie(&self, cookie: String) -> Self {
        self.with(Credential::Cookie(cookie))
    }

    fn with(&self, credential: Credential) -> Self {
        Self {
            credential,
            ..self.clone()
        }
    }

    /// The page at `PLACE` (`HOST:PORT/PATH`), if it arrives by `end`. Does not follow redirections: the other server is
    /// asked itself.
    pub fn page<T: DeserializeOwned>(&self, place: &str, end: Instant) -> Result<T, Silence> {
        let mut answer = self.answer(place, &[], end)?;
        if !answer.status().is_success() {
            return Err(refused(answer.status()));
        }
        parsed(&body(&mut answer, MOST)?)
    }

    /// Like [`Self::page`], with a query, for a server that explains a refusal in JSON: that is the inner error, if it
    /// can be read.
    pub fn page_or_refusal<T: DeserializeOwned, R: DeserializeOwned>(
        &self,
        place: &str,
        query: &[(&str, &str)],
        end: Instant,
    ) -> Result<Result<T, R>, Silence> {
        let mut answer = self.answer(place, query, end)?;
        if answer.status().is_success() {
            return parsed(&body(&mut answer, MOST)?).map(Ok);
        }
        let refusal = body(&mut answer, MOST_OF_REFUSAL)?;
        // A server in between may refuse in another format.
        let refusal = parsed(&refusal).map_err(|_| refused(answer.status()));
        refusal.map(Err)
    }

    fn answer(
        &self,
        place: &str,
        query: &[(&str, &str)],
        end: Instant,
    ) -> Result<Response<Body>, Silence> {
        let (scheme, roots) = match &self.authorities {
            None => ("http", RootCerts::WebPki),
            Some(authorities) => ("https", RootCerts::Specific(Arc::clone(authorities))),
        };
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .client_cert(self.own.clone())
            .build();
        let agent: Agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(left(end)))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            // The servers of a cluster are asked directly, even if a proxy is configured.
            .proxy(None)
            .build()
            .into();
        let question = |word: Option<String>| {
            let question = agent.get(format!("{scheme}://{place}"));
            let question = question.query_pairs(query.iter().copied());
            let question = match (&self.credential, word) {
                (Credential::Cookie(cookie), _) => question.header(COOKIE, cookie),
                (_, Some(word)) => question.header(AUTHORIZATION, word),
                (_, None) => question,
            };
            question.call().map_err(|error| self.silence(error))
        };
        let mut answer = question(None)?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE);
        if !asks_for_ticket(challenges.iter().map(HeaderValue::as_bytes)) {
            return Err(refused(answer.status()));
        }
        let word = self.ticket(end)?;
        // The connection is free for the next question once this one's answer is read.
        body(&mut answer, MOST_OF_REFUSAL)?;
        let answer = question(Some(format!("Negotiate {}", STANDARD.encode(word))))?;
        match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Silence::Closed(format!(
                "and refuses it with HTTP {}: its log says why",
                answer.status()
            ))),
            _ => Ok(answer),
        }
    }

    /// What is said with a ticket. The KDC is asked on a thread that nothing waits for: it may not answer.
    fn ticket(&self, end: Instant) -> Result<Vec<u8>, Silence> {
        let host = match &self.credential {
            Credential::Ticket(host) => host.clone(),
            Credential::NoTicket => return Err(Silence::Closed(String::new())),
            Credential::Nothing | Credential::Cookie(_) => {
                return Err(refused(StatusCode::UNAUTHORIZED));
            }
        };
        let end = end.checked_sub(FOR_THE_PAGE).unwrap_or(end);
        let ticket = ask(end, move || negotiate(&host)).answer();
        match ticket {
            Some(ticket) => ticket.map_err(|why| Silence::Closed(format!("and there is {why}"))),
            None => Err(Silence::Closed(format!(
                "and the KDC gives none in time: {UNREACHABLE}"
            ))),
        }
    }

    fn silence(&self, error: ureq::Error) -> Silence {
        let of_tls = match (&self.client, &error) {
            (Some(client), ureq::Error::Io(error)) => client.explain(error),
            _ => None,
        };
        of_tls.map_or_else(|| error.into(), Silence::Broken)
    }
}

/// The certificates in a text of PEM; what else is there is passed over.
pub(crate) fn certificates(text: &[u8]) -> Vec<Certificate<'static>> {
    let certificates = parse_pem(text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    certificates.collect()
}

/// The page at `http://PLACE`, as [`Pages::page`] asks for it.
pub fn page<T: DeserializeOwned>(place: &str, end: Instant) -> Result<T, Silence> {
    Pages::default().page(place, end)
}

fn body(answer: &mut Response<Body>, most: u64) -> Result<Vec<u8>, Silence> {
    Ok(answer.body_mut().with_config().limit(most).read_to_vec()?)
}

fn parsed<T: DeserializeOwned>(text: &[u8]) -> Result<T, Silence> {
    serde_json::from_slice(text)
        .map_err(|error| Silence::Broken(format!("answers something else: {error}")))
}

fn refused(status: StatusCode) -> Silence {
    Silence::Broken(format!("answers with HTTP {status}"))
}

impl From<ureq::Error> for Silence {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Slow,
            ureq::Error::HostNotFound => Self::Unknown,
            // Errors of the resolver have no number; those of the operating system have one.
            ureq::Error::Io(error)
                if error.raw_os_error().is_none() && error.kind() == io::ErrorKind::Other =>
            {
                Self::Unknown
            }
            ureq::Error::Io(error) => error.into(),
            other => Self::Broken(other.to_string()),
        }
    }
}
