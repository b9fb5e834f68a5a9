//! Who may ask: who knows the token, and by which names of this server.
//!
//! A page of another origin cannot read answers, but its author can give this machine's address to a name of their own
//! (DNS rebinding): then the browser takes both for one origin. So without a token, only known names are answered.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use heartline_process::files;

/// The cookie that holds the token after the first visit; the port follows, since a browser sends the cookies of all
/// ports of a host.
const COOKIE_NAME: &str = "heartline-token";
/// The parameter of the first visit.
const PARAMETER: &str = "token=";
/// The least length of a token, in bytes.
const LEAST: usize = 16;

/// The secret that clients need.
#[derive(Clone)]
pub(crate) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads a token from a file that only its owner can read.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let bytes = files::read_secret("--token-file", path)?;
        let text = String::from_utf8_lossy(&bytes);
        Self::new(text.trim()).ok_or_else(|| {
            format!(
                "--token-file {shown}: write {LEAST} or more letters and digits, for example by: openssl rand -hex 32"
            )
        })
    }

    /// A token of letters, digits, `-` and `_`: it is part of an address and of a cookie.
    fn new(text: &str) -> Option<Self> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = text.len() >= LEAST && text.as_bytes().iter().all(is_plain);
        fits.then(|| Self(text.to_owned()))
    }

    /// Compares in a time that says nothing about where the two differ.
    fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// Who may ask.
#[derive(Debug)]
pub(crate) struct Access {
    token: Option<Token>,
    cookie: String,
    /// Whether the cookie may be sent by TLS only.
    is_private: bool,
    hosts: Vec<String>,
}

impl Access {
    /// Who may ask at this address; `is_private` says that nobody else can read what is sent.
    pub(crate) fn new(
        listen: SocketAddr,
        token: Option<Token>,
        hosts: &[String],
        is_private: bool,
    ) -> Self {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let listened = match listen.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase());
        Self {
            token,
            cookie: format!("{COOKIE_NAME}-{}", listen.port()),
            is_private,
            hosts: own.into_iter().chain([listened]).chain(hosts).collect(),
        }
    }

    /// Whether a request is answered; otherwise the answer that refuses it.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Box<Response>> {
        let Some(token) = &self.token else {
            return self.check_host(request);
        };
        let header = |name| request.headers().get(name)?.to_str().ok();
        let bearer = header(AUTHORIZATION).and_then(|text| text.strip_prefix("Bearer "));
        let cookies = header(COOKIE).into_iter().flat_map(|text| text.split(';'));
        let cookies = cookies.filter_map(|one| one.trim().split_once('='));
        let cookies = cookies.filter(|(name, _)| *name == self.cookie);
        let mut given = bearer.into_iter().chain(cookies.map(|(_, value)| value));
        if given.any(|given| token.is(given)) {
            return Ok(());
        }
        let query = request.uri().query().unwrap_or_default();
        let mut parameters = query.split('&');
        let parameter = parameters.find_map(|one| one.strip_prefix(PARAMETER));
        if parameter.is_some_and(|given| token.is(given)) {
            // Only the page itself is visited again.
            if !request.uri().path().ends_with('/') {
                return Ok(());
            }
            return Err(Box::new(self.welcome(token)));
        }
        let why = "give the token: open this address with ?token=TOKEN, or send the header Authorization: Bearer TOKEN\n";
        let challenge = [(WWW_AUTHENTICATE, "Bearer")];
        Err(Box::new(
            (StatusCode::UNAUTHORIZED, challenge, why).into_response(),
        ))
    }

    /// The answer to the first visit: the browser keeps the token as a cookie, and no longer shows it in the address. A link
    /// from another page is sent with it too; what another page posts is not.
    fn welcome(&self, token: &Token) -> Response {
        let secure = if self.is_private { "; Secure" } else { "" };
        let cookie = format!(
            "{}={}; HttpOnly; SameSite=Lax{secure}",
            self.cookie, token.0
        );
        let mut response = (StatusCode::SEE_OTHER, [(LOCATION, "./")]).into_response();
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    fn check_host(&self, request: &Request) -> Result<(), Box<Response>> {
        let host = request.headers().get(HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        if self.hosts.contains(&name.to_ascii_lowercase()) {
            return Ok(());
        }
        let why = "this server does not know itself by the name in this address; start it with --allow-host NAME\n";
        Err(Box::new(
            (StatusCode::MISDIRECTED_REQUEST, why).into_response(),
        ))
    }
}

#[cfg(test)]
mod tests;
