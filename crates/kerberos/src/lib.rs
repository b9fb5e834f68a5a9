//! Tickets of Kerberos for servers, by the library of the system (MIT's or Heimdal's): it finds realm, KDC, ticket
//! cache and keytab by `KRB5_CONFIG`, `KRB5CCNAME` and `KRB5_CLIENT_KTNAME`. In a build without the feature `gssapi`
//! there is no ticket, and the reason is told.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "gssapi")]
use heartline_core::text;

/// Whether this build has Kerberos.
pub const IS_BUILT: bool = cfg!(feature = "gssapi");
/// Why there is no ticket in a build without it.
pub const WITHOUT_KERBEROS: &str =
    "this program was built without Kerberos: build it with --features gssapi";
/// What to do where no KDC answers.
pub const UNREACHABLE: &str =
    "see whether the kdc that krb5.conf (KRB5_CONFIG) names runs and can be reached";

/// The service of web pages.
const WEB: &str = "HTTP";
/// The variable of the Kerberos library that names the keytab of clients.
const KEYTAB: &str = "KRB5_CLIENT_KTNAME";
#[cfg(feature = "gssapi")]
const RENEW: &str = "renew it by kinit, or name a keytab by KRB5_CLIENT_KTNAME";
#[cfg(feature = "gssapi")]
const GET_ONE: &str = "klist shows what the cache (KRB5CCNAME) has: get a ticket by kinit, or name a keytab by \
                       KRB5_CLIENT_KTNAME";

/// Why there is no ticket, for people: in one line, with what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTicket(String);

impl fmt::Display for NoTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Gets the ticket for `service` (such as `zookeeper`) at `host`: from the cache, or from the KDC, and then it is in
/// the cache. Returns whose it is: `NAME@REALM`, without characters that steer a terminal. Blocks, for tens of seconds
/// if no KDC answers.
///
/// # Errors
/// If there is none: a retry makes sense when the cache, the keytab, the KDC or a clock has changed.
pub fn fetch_ticket(service: &str, host: &str) -> Result<String, NoTicket> {
    ask(service, host).map_err(|why| without(service, host, &why))
}

fn without(service: &str, host: &str, why: &str) -> NoTicket {
    let named = std::env::var(KEYTAB).ok();
    let keytab = IS_BUILT.then(|| unreadable_keytab(named.as_deref()));
    NoTicket(match keytab.flatten() {
        Some(line) => format!("{line} (the Kerberos library says: {why})"),
        None => format!("no Kerberos ticket for {service}/{host}: {why}"),
    })
}

/// Refuses a ticket that a client which asks for it (`GSS_C_DELEG_FLAG`) would hand on to the server, as then the
/// server could act for its owner everywhere. Such a client asks the KDC at each connection. Blocks as [`fetch_ticket`]
/// does.
///
/// # Errors
/// If it would: a line for people. Where no KDC answers, nothing is handed on, and this cannot know of later.
pub fn refuse_delegation(service: &str, host: &str) -> Result<(), NoTicket> {
    if !delegates(service, host) {
        return Ok(());
    }
    Err(NoTicket(format!(
        "the Kerberos ticket may be forwarded, and {service}/{host} would get a copy to act as its owner: set \
         enforce_ok_as_delegate = true in [libdefaults] of krb5.conf, or of a file before it \
         (KRB5_CONFIG=FILE:/etc/krb5.conf); if that does not help (MIT before 1.18, Heimdal 7, a server with \
         ok_as_delegate), set forwardable = false there and get a new ticket"
    )))
}

/// Composes what a client of a web page says first (SPNEGO, RFC 4178), by the ticket for `HTTP` at `host`: from the
/// cache, or from the KDC. The ticket is not handed on. Blocks as [`fetch_ticket`] does.
///
/// # Errors
/// If there is no ticket, as in [`fetch_ticket`].
pub fn negotiate(host: &str) -> Result<Vec<u8>, NoTicket> {
    if !ask_for_first_ticket() {
        let why = format!("the KDC does not answer: {UNREACHABLE}");
        return Err(without(WEB, host, &why));
    }
    // SPNEGO tells no reasons. With this, the ticket is in the cache, or the reason is known.
    fetch_ticket(WEB, host)?;
    begin_spnego(host).map_err(|why| without(WEB, host, &why))
}

/// Has the library get its first ticket, if there is none: it empties the cache for that, and a thread that reads the
/// cache at that moment finds nothing there. Of many threads one asks, and the others wait for it. Returns whether the
/// library has answered in time, with a ticket or without. Blocks as [`fetch_ticket`] does.
#[must_use]
pub fn ask_for_first_ticket() -> bool {
    /// How long a thread waits for the one that asks the KDC: a KDC that has not answered by then does not.
    const LIMIT: Duration = Duration::from_secs(2);
    static IS_ASKING: Mutex<bool> = Mutex::new(false);
    static HAS_ENDED: Condvar = Condvar::new();
    /// Lets the others go on, also when the library has panicked.
    struct Asking;
    impl Drop for Asking {
        fn drop(&mut self) {
            *IS_ASKING.lock().unwrap_or_else(PoisonError::into_inner) = false;
            HAS_ENDED.notify_all();
        }
    }
    let asking = IS_ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = HAS_ENDED.wait_timeout_while(asking, LIMIT, |is_asking| *is_asking);
    let (mut asking, waited) = waited.unwrap_or_else(PoisonError::into_inner);
    if waited.timed_out() {
        return false;
    }
    *asking = true;
    drop(asking);
    let _asking = Asking;
    prepare();
    true
}

/// Why the keytab that `KRB5_CLIENT_KTNAME` names is of no use: the library only says that there are no credentials.
fn unreadable_keytab(named: Option<&str>) -> Option<String> {
    let named = named?;
    let file = named.strip_prefix("FILE:").unwrap_or(named);
    // Another kind of keytab, such as MEMORY:.
    if !Path::new(file).is_absolute() && file.contains(':') {
        return None;
    }
    let error = File::open(file).err()?;
    Some(format!(
        "no Kerberos ticket: the keytab {file} of {KEYTAB} cannot be read: {error}; name one that may be read, or unset the \
         variable and get a ticket by kinit"
    ))
}

#[cfg(feature = "gssapi")]
mod library {
    //! The calls of the library.

    use heartline_core::text;
    use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
    use libgssapi::credential::{Cred, CredUsage};
    use libgssapi::error::Error;
    use libgssapi::name::Name;
    use libgssapi::oid::{GSS_MECH_KRB5, GSS_MECH_SPNEGO, GSS_NT_HOSTBASED_SERVICE, Oid, OidSet};

    use super::{WEB, advice, reason};

    fn told(error: Error) -> String {
        let advice = advice(error.major.bits(), error.minor);
        format!("{}; {advice}", reason(&error.to_string()))
    }

    pub(super) fn ask(service: &str, host: &str) -> Result<String, String> {
        let principal = || {
            begin(service, host, CtxFlags::GSS_C_MUTUAL_FLAG, &GSS_MECH_KRB5)?;
            // The principal of a keytab is known when there is a ticket; asked before, the library gives no reasons.
            let own = credentials(&GSS_MECH_KRB5)?.name()?;
            Ok(text::cell(&own.to_string()).into_owned())
        };
        principal().map_err(told)
    }

    pub(super) fn delegates(service: &str, host: &str) -> bool {
        // Without mutual authentication nothing is waited for, and the flags are those that hold.
        let begun = begin(service, host, CtxFlags::GSS_C_DELEG_FLAG, &GSS_MECH_KRB5);
        let flags = begun.and_then(|(mut context, _)| context.flags());
        flags.is_ok_and(|flags| flags.contains(CtxFlags::GSS_C_DELEG_FLAG))
    }

    pub(super) fn begin_spnego(host: &str) -> Result<Vec<u8>, String> {
        // A page has no second message, so it is TLS alone that tells who the server is.
        let begun = begin(WEB, host, CtxFlags::empty(), &GSS_MECH_SPNEGO);
        begun.map(|(_, first)| first).map_err(told)
    }

    pub(super) fn prepare() {
        // What fails here fails again where it is told.
        let _ = credentials(&GSS_MECH_KRB5).and_then(|own| own.name());
    }

    fn credentials(mechanism: &'static Oid) -> Result<Cred, Error> {
        let mut mechanisms = OidSet::new()?;
        mechanisms.add(mechanism)?;
        Cred::acquire(None, None, CredUsage::Initiate, Some(&mechanisms))
    }

    /// Composes what a client says first; for that it needs the ticket.
    fn begin(
        service: &str,
        host: &str,
        flags: CtxFlags,
        mechanism: &'static Oid,
    ) -> Result<(ClientCtx, Vec<u8>), Error> {
        let server = format!("{service}@{host}");
        let server = Name::new(server.as_bytes(), Some(&GSS_NT_HOSTBASED_SERVICE))?;
        let own = credentials(mechanism)?;
        let mut context = ClientCtx::new(Some(own), server, flags, Some(mechanism));
        let first = context.step(None, None)?;
        let first = first.map(|buffer| buffer.to_vec()).unwrap_or_default();
        Ok((context, first))
    }
}
#[cfg(feature = "gssapi")]
use library::{ask, begin_spnego, delegates, prepare};

#[cfg(not(feature = "gssapi"))]
fn ask(_: &str, _: &str) -> Result<String, String> {
    Err(WITHOUT_KERBEROS.to_owned())
}

#[cfg(not(feature = "gssapi"))]
fn begin_spnego(_: &str) -> Result<Vec<u8>, String> {
    Err(WITHOUT_KERBEROS.to_owned())
}

#[cfg(not(feature = "gssapi"))]
fn prepare() {}

#[cfg(not(feature = "gssapi"))]
fn delegates(_: &str, _: &str) -> bool {
    false
}

/// The reason in one line. The library writes `GENERAL TEXT (REASON)`: the general text says little, but where the
/// mechanism has no reason of its own, it is all there is.
#[cfg(feature = "gssapi")]
fn reason(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let line = lines.join("; ");
    let (general, reason) = line.split_once(" (").unwrap_or((&line, ""));
    let reason = reason.strip_suffix(')').unwrap_or(reason);
    let is_told = !["", "Success"].contains(&reason);
    text::line(if is_told { reason } else { general }).into_owned()
}

/// What to do about a failure, by its numbers: `major` is one of RFC 2744, section 3.9.1; `minor` one of the table
/// `krb5` of MIT's and Heimdal's libraries (`krb5_err.et`), the first of which are those of RFC 4120, section 7.5.9.
#[cfg(feature = "gssapi")]
fn advice(major: u32, minor: u32) -> &'static str {
    /// `GSS_S_CREDENTIALS_EXPIRED`.
    const EXPIRED: u32 = 11 << 16;
    /// The first number of the table, -1765328384.
    const TABLE: u32 = 0x96C7_3A00;
    match minor.wrapping_sub(TABLE) {
        6 => "ask who administers the realm for the principal",
        7 => {
            "connect by the host name that the server's principal has, or ask who administers the realm for that principal"
        }
        24 | 31 => "the keytab is older than the principal's key: export it again",
        32 => RENEW,
        37 => "set the clocks of this host and of the KDC, by NTP",
        156 => UNREACHABLE,
        _ if major == EXPIRED => RENEW,
        _ => GET_ONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_keytab_that_cannot_be_read_is_blamed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("job.keytab");
        let named = format!("FILE:{}", file.display());
        let why = unreadable_keytab(Some(&named)).unwrap();
        let says = "job.keytab of KRB5_CLIENT_KTNAME cannot be read: No such file";
        assert!(why.contains(says), "{why}");
        std::fs::write(&file, "").unwrap();
        for named in [
            None,
            Some(named.as_str()),
            file.to_str(),
            Some("MEMORY:none"),
        ] {
            assert_eq!(unreadable_keytab(named), None, "{named:?}");
        }
    }

    #[cfg(feature = "gssapi")]
    #[test]
    fn the_advice_is_for_the_cause() {
        // KRB5KRB_AP_ERR_TKT_EXPIRED and KRB5_KDC_UNREACH.
        let failure = 13 << 16;
        assert_eq!(advice(failure, (-1_765_328_352_i32).cast_unsigned()), RENEW);
        assert_eq!(
            advice(failure, (-1_765_328_228_i32).cast_unsigned()),
            UNREACHABLE
        );
        assert_eq!(advice(11 << 16, 0), RENEW);
        assert_eq!(advice(failure, 0), GET_ONE);
        assert_eq!(reason("General text (Ticket expired)"), "Ticket expired");
        assert_eq!(
            reason("General (No tickets (cache: /c))\n"),
            "No tickets (cache: /c)"
        );
        assert_eq!(reason("It has expired (Success)"), "It has expired");
        assert_eq!(reason("a\n  b \n\n"), "a; b");
    }

    #[cfg(not(feature = "gssapi"))]
    #[test]
    fn a_build_without_kerberos_says_so() {
        let why = fetch_ticket("zookeeper", "zk1").err().unwrap();
        let says = "no Kerberos ticket for zookeeper/zk1: this program was built without Kerberos";
        assert!(why.to_string().starts_with(says), "{why}");
    }
}
