//! Pages of JSON over HTTP or HTTPS: the admin server of `ZooKeeper`; JMX, REST and `WebHDFS` of Hadoop.

use std::fmt;
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
use heartline_kerberos::{NoTicket, UNREACHABLE, negotiate};
use heartline_tls::{read_pem, read_trusted};
use heartline_zookeeper::TlsClient;

/// The longest page, in bytes: it has room for some thousand nodes.
const MOST: u64 = 64 << 20;
/// The longest refusal, in bytes: at most, Hadoop sends a Java stack trace.
const MOST_OF_REFUSAL: u64 = 1 << 20;
/// How long before the end a ticket must be there, so that the page arrives by the end, or the reason is told by then.
const FOR_THE_PAGE: Duration = Duration::from_millis(400);

/// The parameter by which one says who one is where no proof is asked for. Beside a ticket, Hadoop compares the two.
const CLAIM: &str = "user.name";
/// The longest wait for the KDC leaves time for the page; if the server needs more, this is told.
const SLOW_WITH_TICKET: &str = "and does not answer in time with one";

/// Composes what is said with a ticket for `HTTP` at a host (SPNEGO).
type Negotiate = fn(&str) -> Result<Vec<u8>, NoTicket>;

/// What a server is told that asks who one is.
#[derive(Clone, Default)]
enum Credential {
    #[default]
    Nothing,
    /// A ticket of Kerberos for `HTTP` at this host.
    Ticket(String, Negotiate),
    /// Nothing, because there is no ticket.
    NoTicket,
    /// This cookie, with the first question.
    Cookie(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Ticket(host, _) => write!(f, "Ticket({host:?})"),
            Self::NoTicket => f.write_str("NoTicket"),
            // Who has the cookie is its owner.
            Self::Cookie(_) => f.write_str("Cookie"),
        }
    }
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
    /// By HTTPS, from servers whose certificates these authorities (PEM) have signed for the names or addresses that
    /// are asked. Without a certificate in the text no server is trusted.
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
        self.with(Credential::Ticket(host.to_owned(), negotiate))
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

    /// The page at `PLACE` (`HOST:PORT/PATH`), if it arrives by `end`. Does not follow redirections: the other server
    /// is asked itself.
    pub fn page<T: DeserializeOwned>(&self, place: &str, end: Instant) -> Result<T, Silence> {
        let (mut answer, has_ticket) = self.answer(place, &[], end)?;
        if !answer.status().is_success() {
            return Err(refused(answer.status(), has_ticket));
        }
        parsed(&in_time(body(&mut answer, MOST), has_ticket)?)
    }

    /// Like [`Self::page`], with a query, for a server that explains a refusal in JSON: that is the inner error, if it
    /// can be read.
    pub fn page_or_refusal<T: DeserializeOwned, R: DeserializeOwned>(
        &self,
        place: &str,
        query: &[(&str, &str)],
        end: Instant,
    ) -> Result<Result<T, R>, Silence> {
        let (mut answer, has_ticket) = self.answer(place, query, end)?;
        if answer.status().is_success() {
            return parsed(&in_time(body(&mut answer, MOST), has_ticket)?).map(Ok);
        }
        let refusal = in_time(body(&mut answer, MOST_OF_REFUSAL), has_ticket)?;
        // A filter before the page, or a server in between, may refuse in another format.
        let refusal = parsed(&refusal).map_err(|_| refused(answer.status(), has_ticket));
        refusal.map(Err)
    }

    /// The answer, and whether it is one to a ticket.
    fn answer(
        &self,
        place: &str,
        query: &[(&str, &str)],
        end: Instant,
    ) -> Result<(Response<Body>, bool), Silence> {
        let agent = self.agent();
        let mut answer = self.question(&agent, place, query, None, end)?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok((answer, false));
        }
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE);
        if !asks_for_ticket(challenges.iter().map(HeaderValue::as_bytes)) {
            return Err(refused(answer.status(), false));
        }
        let word = self.ticket(end)?;
        // The connection is free for the next question once this one's answer is read.
        body(&mut answer, MOST_OF_REFUSAL)?;
        let word = format!("Negotiate {}", STANDARD.encode(word));
        let claims = query.iter().copied().filter(|(name, _)| *name != CLAIM);
        let query: Vec<_> = claims.collect();
        let answer = in_time(self.question(&agent, place, &query, Some(&word), end), true)?;
        match answer.status() {
            status @ StatusCode::UNAUTHORIZED => Err(refused(status, true)),
            _ => Ok((answer, true)),
        }
    }

    fn agent(&self) -> Agent {
        let roots = match &self.authorities {
            None => RootCerts::WebPki,
            Some(authorities) => RootCerts::Specific(Arc::clone(authorities)),
        };
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .client_cert(self.own.clone())
            .build();
        Agent::config_builder()
            .tls_config(tls)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            // The servers of a cluster are asked directly, even if a proxy is configured.
            .proxy(None)
            .build()
            .into()
    }

    /// The answer to one question, with this `Authorization` if there is one.
    fn question(
        &self,
        agent: &Agent,
        place: &str,
        query: &[(&str, &str)],
        authorization: Option<&str>,
        end: Instant,
    ) -> Result<Response<Body>, Silence> {
        let left = left(end);
        if left.is_zero() {
            return Err(Silence::Slow);
        }
        let scheme = self.authorities.as_ref().map_or("http", |_| "https");
        let question = agent.get(format!("{scheme}://{place}"));
        let question = question.query_pairs(query.iter().copied());
        let question = match (&self.credential, authorization) {
            (Credential::Cookie(cookie), _) => question.header(COOKIE, secret(cookie)?),
            (_, Some(words)) => question.header(AUTHORIZATION, secret(words)?),
            (_, None) => question,
        };
        let question = question.config().timeout_global(Some(left)).build();
        question.call().map_err(|error| self.silence(error))
    }

    /// What is said with a ticket. The KDC is asked on a thread that nothing waits for: it may not answer.
    fn ticket(&self, end: Instant) -> Result<Vec<u8>, Silence> {
        let (host, negotiate) = match &self.credential {
            Credential::Ticket(host, negotiate) => (host.clone(), *negotiate),
            Credential::NoTicket => return Err(Silence::Closed(String::new())),
            Credential::Nothing | Credential::Cookie(_) => {
                return Err(refused(StatusCode::UNAUTHORIZED, false));
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

/// A refusal whose reason is not told to us; with a ticket, it may be the ticket that is refused.
fn refused(status: StatusCode, has_ticket: bool) -> Silence {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if has_ticket => Silence::Closed(format!(
            "and refuses it with HTTP {status}: its log says why"
        )),
        _ => Silence::Broken(format!("answers with HTTP {status}")),
    }
}

/// The same, but who is slow with a ticket has answered without one.
fn in_time<T>(answer: Result<T, Silence>, has_ticket: bool) -> Result<T, Silence> {
    answer.map_err(|why| match why {
        Silence::Slow if has_ticket => Silence::Closed(SLOW_WITH_TICKET.to_owned()),
        why => why,
    })
}

/// A header that is written to no log.
fn secret(text: &str) -> Result<HeaderValue, Silence> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|error| Silence::Broken(error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
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

#[cfg(test)]
mod tests;
