//! Tickets for the servers of an ensemble. The client library asks for a ticket in the middle of its work, where an
//! unreachable KDC would stop the heartbeat, and tells no reason. So the tickets are fetched before, into the cache where
//! the library finds them.

/// The first part of the servers' principals (`zookeeper.sasl.client.username` of the Java client).
const SERVICE: &str = "zookeeper";

/// Fetches a ticket for each of these servers that the cache lacks; blocks, for tens of seconds if no KDC answers.
///
/// # Errors
/// If there is none for any server: a line for people.
pub(super) fn fetch_tickets(hosts: &[String]) -> Result<(), String> {
    let mut has_one = false;
    let mut trouble = None;
    for host in hosts {
        match fetch(host) {
            Ok(()) => has_one = true,
            Err(error) => trouble = trouble.or(Some((host, error))),
        }
    }
    let Some((host, error)) = trouble.filter(|_| !has_one) else {
        return Ok(());
    };
    // The library puts the parts on lines of their own.
    let why = error.to_string();
    let why: Vec<&str> = why
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    Err(format!(
        "no Kerberos ticket for {SERVICE}/{host}: {}; klist shows what the cache (KRB5CCNAME) has: get a ticket by kinit, or \
         name a keytab by KRB5_CLIENT_KTNAME",
        why.join("; ")
    ))
}

#[cfg(feature = "gssapi")]
fn fetch(host: &str) -> Result<(), libgssapi::error::Error> {
    use libgssapi::context::{ClientCtx, CtxFlags};
    use libgssapi::credential::{Cred, CredUsage};
    use libgssapi::name::Name;
    use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE, OidSet};

    let server = format!("{SERVICE}@{host}");
    let server = Name::new(server.as_bytes(), Some(&GSS_NT_HOSTBASED_SERVICE))?;
    let mut mechanisms = OidSet::new()?;
    mechanisms.add(&GSS_MECH_KRB5)?;
    let own = Cred::acquire(None, None, CredUsage::Initiate, Some(&mechanisms))?;
    let flags = CtxFlags::GSS_C_MUTUAL_FLAG;
    ClientCtx::new(Some(own), server, flags, Some(&GSS_MECH_KRB5)).step(None, None)?;
    Ok(())
}

#[cfg(not(feature = "gssapi"))]
fn fetch(_: &str) -> Result<(), &'static str> {
    Err(super::WITHOUT_KERBEROS)
}
