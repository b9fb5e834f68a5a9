//! Tickets for the servers of an ensemble. The client library asks for a ticket in the middle of its work, where an
//! unreachable KDC would stop the heartbeat, and tells no reason. So the tickets are fetched before, into the cache where
//! the library finds them.

use heartline_kerberos::{fetch_ticket, refuse_delegation};

/// The first part of the servers' principals (`zookeeper.sasl.client.username` of the Java client).
const SERVICE: &str = "zookeeper";

/// What to do where a server refuses a ticket: it tells clients no reason.
pub(super) const REFUSED_TICKET: &str = "its log says why: mostly the clocks of the KDC and the server differ by more than \
                                         5 minutes, or the server's keytab holds another key than the KDC";

/// Refuses tickets that the client library would hand on to one of these servers: it asks for that with every connection.
/// Blocks as [`fetch_tickets`] does.
///
/// # Errors
/// If one would: a line for people.
pub(super) fn refuse_forwardable(hosts: &[String]) -> Result<(), String> {
    let refused = hosts
        .iter()
        .try_for_each(|host| refuse_delegation(SERVICE, host));
    refused.map_err(|why| why.to_string())
}

/// Fetches a ticket for each of these servers that the cache lacks; blocks, for tens of seconds if no KDC answers. Returns
/// the client's principal, `NAME@REALM`, if there are servers.
///
/// # Errors
/// If there is none for any server: a line for people.
pub(super) fn fetch_tickets(hosts: &[String]) -> Result<Option<String>, String> {
    let mut principal = None;
    let mut trouble = None;
    for host in hosts {
        match fetch_ticket(SERVICE, host) {
            Ok(own) => principal = Some(own),
            Err(why) => trouble = trouble.or(Some(why)),
        }
    }
    let trouble = trouble.filter(|_| principal.is_none());
    trouble.map_or(Ok(principal), |why| Err(why.to_string()))
}
