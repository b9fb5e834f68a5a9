//! Asks one `ZooKeeper` server for its facts: with four-letter words, or through its admin server where those are
//! closed.

use std::time::Instant;

use serde_json::Value;

use super::facts::{Facts, Said};
use crate::probe::{Pages, Silence, word, word_by_tls};
use heartline_zookeeper::{TlsClient, place};

/// What may be wrong with a server that is not asked by TLS.
pub(super) const PERHAPS_TLS: &str = "; if the port is for TLS, give --zookeeper-tls";

/// The addresses of a server and its admin server.
#[derive(Clone, Debug)]
pub struct Server {
    /// The host.
    pub host: String,
    /// The client port.
    pub port: u16,
    /// The port of the admin server on the same host.
    pub admin_port: u16,
    /// For a client port that is for TLS.
    pub tls: Option<TlsClient>,
    /// How the admin server is asked.
    pub pages: Pages,
}

impl Server {
    /// Asks until `end`, with `wide` for more than the mode. Returns the facts known by then.
    pub fn ask(&self, wide: bool, end: Instant) -> Facts {
        let mut facts = Facts::default();
        let mut closed = match self.word("srvr", end, &mut facts) {
            // A server that does not answer this is not asked again: that would cost the time twice.
            Answer::None => return facts,
            Answer::Closed => matches!(self.word("stat", end, &mut facts), Answer::Closed),
            Answer::Given => false,
        };
        if wide && facts.mode.is_some() || closed {
            closed |= matches!(self.word("mntr", end, &mut facts), Answer::Closed);
        }
        if closed {
            self.ask_admin(wide, end, &mut facts);
        }
        facts
    }

    fn word(&self, what: &str, end: Instant, facts: &mut Facts) -> Answer {
        let answer = match &self.tls {
            Some(client) => word_by_tls(client, (&self.host, self.port), what, end),
            None => word(&self.host, self.port, what, end),
        };
        match answer {
            Ok(text) => match Said::of(&text) {
                Said::Facts(more) => {
                    facts.add(*more);
                    Answer::Given
                }
                Said::Closed => Answer::Closed,
                Said::NotServing => {
                    facts.problem = Some(Said::NOT_SERVING.to_owned());
                    Answer::None
                }
                Said::Nonsense => {
                    let hint = self.hint();
                    facts.problem = Some(format!("answers, but not as ZooKeeper does{hint}"));
                    Answer::None
                }
            },
            Err(silence) => {
                facts.problem = Some(self.with_hint(&silence));
                Answer::None
            }
        }
    }

    fn with_hint(&self, silence: &Silence) -> String {
        let is_broken = matches!(silence, Silence::Broken(_));
        let hint = if is_broken { self.hint() } else { "" };
        format!("{silence}{hint}")
    }

    /// What may be wrong if a server closes the connection or answers with an alert of TLS.
    fn hint(&self) -> &'static str {
        match self.tls {
            Some(_) => "",
            None => PERHAPS_TLS,
        }
    }

    /// `monitor` reports nearly everything. It fails in a server without a quorum; `server_stats` does not, and has the
    /// zxid.
    fn ask_admin(&self, wide: bool, end: Instant, facts: &mut Facts) {
        let mut problem = None;
        for command in ["monitor", "server_stats"] {
            if facts.mode.is_some() && !wide {
                break;
            }
            let place = place(&self.host, self.admin_port);
            let place = format!("{place}/commands/{command}");
            let answer: Result<Value, Silence> = self.pages.page(&place, end);
            let why = match answer.map(|answer| Said::of_admin(&answer)) {
                Ok(Said::Facts(more)) => {
                    facts.add(*more);
                    continue;
                }
                Ok(Said::NotServing) => Said::NOT_SERVING.to_owned(),
                Ok(Said::Closed | Said::Nonsense) => self.closed("answers something else"),
                Err(silence) => self.closed(&self.with_hint(&silence)),
            };
            problem = Some(why);
        }
        facts.problem = problem;
    }

    /// The message when both ways are closed.
    fn closed(&self, admin: &str) -> String {
        format!(
            "not all of srvr and mntr are in its 4lw.commands.whitelist; its admin server, on port {}: {admin}",
            self.admin_port
        )
    }
}

enum Answer {
    Given,
    Closed,
    None,
}
