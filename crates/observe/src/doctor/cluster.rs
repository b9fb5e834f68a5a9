//! What a session with ZooKeeper shows: whether there is one, who may write the job's znodes, and its clock.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::timeout;

use super::finding::Finding;
use heartline_zookeeper::client::{Access, AclEntry, Kind, right};
use heartline_zookeeper::{Connector, Failure, Session, Settings};

/// How long a session may take to be opened, and then its requests.
const OPEN_LIMIT: Duration = Duration::from_millis(1500);
const REQUESTS_LIMIT: Duration = Duration::from_millis(800);
/// How long the server may take to remove the ephemeral znode; its session timeout removes it anyway.
const CLOSE_LIMIT: Duration = Duration::from_millis(300);

/// Clocks that differ by less do not confuse a reader of logs.
const TOLERABLE: f64 = 1.0;
/// Kerberos refuses tickets beyond this, unless it is told otherwise.
const KERBEROS: f64 = 300.0;

/// The znode that tells the clock.
const ZNODE: &str = "heartline-doctor-";

/// How far ZooKeeper's clock is ahead of the local one, and how sure that is: both in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ClockOffset {
    ahead: f64,
    uncertainty: f64,
}

/// Opens a session, and looks at what it shows.
pub(super) async fn findings(settings: &Settings) -> Vec<Finding> {
    let mut connector = Connector::new(settings.clone()).of_any_age();
    let session = match timeout(OPEN_LIMIT, connector.attempt()).await {
        Ok(Ok(session)) => session,
        Ok(Err(why)) => {
            let advice = "a job would run without heartbeats";
            return vec![Finding::error("session", why.to_string(), advice)];
        }
        Err(_) => {
            return vec![Finding::error(
                "session",
                format!("ZooKeeper gives no session within {OPEN_LIMIT:?}"),
                "look at its load, its disk and its quorum",
            )];
        }
    };
    let authenticates = settings.security.authenticates();
    let granted = session.timeout();
    let mut findings = vec![judge_session(settings.session_timeout, granted)];
    let looked = timeout(REQUESTS_LIMIT, async {
        let acl = open_znode(&session).await;
        (acl, clock(&session).await)
    });
    match looked.await {
        Ok((acl, clock)) => {
            findings.push(judge_access(acl, authenticates));
            findings.push(judge_clock(clock));
        }
        Err(_) => findings.push(Finding::warning(
            "session",
            format!("requests take longer than {REQUESTS_LIMIT:?}"),
            "look at the load and the disk of ZooKeeper: beats would be late",
        )),
    }
    session.close(CLOSE_LIMIT).await;
    findings
}

fn judge_session(asked: Duration, granted: Duration) -> Finding {
    if granted == asked {
        return Finding::ok("session", format!("opened, with a timeout of {granted:?}"));
    }
    Finding::warning(
        "session",
        format!("ZooKeeper grants a session timeout of {granted:?} instead of {asked:?}"),
        "set --session-timeout within minSessionTimeout and maxSessionTimeout of zoo.cfg",
    )
}

/// The first znode of the job that anybody may write, with how many of them exist.
async fn open_znode(session: &Session) -> Result<(usize, Option<String>), Failure> {
    let paths = session.paths();
    let mut existing = 0;
    let mut open = None;
    for path in [
        paths.master(),
        paths.members(),
        paths.control(),
        paths.requests(),
    ] {
        match session.client().acl(path).await {
            Ok(acl) => {
                existing += 1;
                if open.is_none() && acl.iter().any(is_open) {
                    open = Some(path.to_owned());
                }
            }
            Err(Failure::NoNode) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok((existing, open))
}

fn is_open(entry: &AclEntry) -> bool {
    entry.needs_no_proof() && entry.may(right::WRITE | right::CREATE | right::DELETE | right::ADMIN)
}

fn judge_access(found: Result<(usize, Option<String>), Failure>, authenticates: bool) -> Finding {
    const CHECK: &str = "access";
    match found {
        Err(failure) => Finding::warning(
            CHECK,
            format!("the ACLs of the job's znodes cannot be read: {failure}"),
            "give the job's identity, by --zookeeper-auth or --zookeeper-sasl",
        ),
        Ok((0, _)) => Finding::ok(
            CHECK,
            "the job's znodes do not exist yet: the first member creates them",
        ),
        Ok((_, None)) => Finding::ok(CHECK, "the job's znodes are closed to others"),
        Ok((_, Some(path))) if authenticates => Finding::warning(
            CHECK,
            format!("everybody may write {path}, so that orders there are refused"),
            "run setup-zookeeper --secure as the job's identity",
        ),
        Ok((_, Some(_))) => Finding::ok(
            CHECK,
            "everybody who reaches ZooKeeper may write the job's znodes, as no identity is given (docs/security.md)",
        ),
    }
}

/// Creates an ephemeral znode, and compares the time of its creation with the local clock.
async fn clock(session: &Session) -> Result<ClockOffset, Failure> {
    let namespace = session.paths().namespace().to_string();
    // Before the first job, the namespace does not exist.
    let mut above = namespace.trim_end_matches('/');
    loop {
        let path = format!("{above}/{ZNODE}");
        let before = Utc::now();
        let created = session
            .client()
            .create(&path, b"", Kind::EphemeralSequential, Access::Private)
            .await;
        let after = Utc::now();
        match created {
            Ok((_, stat)) => return Ok(offset(before, stat.made, after)),
            Err(Failure::NoNode) if !above.is_empty() => {
                above = above.rsplit_once('/').map_or("", |(above, _)| above);
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// The server's clock stood at `made` at some time between `before` and `after`.
fn offset(before: DateTime<Utc>, made: DateTime<Utc>, after: DateTime<Utc>) -> ClockOffset {
    let seconds = |time: DateTime<Utc>| {
        let since = time.signed_duration_since(before);
        since.as_seconds_f64()
    };
    let half = (seconds(after) / 2.0).max(0.0);
    ClockOffset {
        ahead: seconds(made) - half,
        // Its stamps are of whole milliseconds.
        uncertainty: half + 0.001,
    }
}

fn judge_clock(found: Result<ClockOffset, Failure>) -> Finding {
    const CHECK: &str = "clock";
    let offset = match found {
        Ok(offset) => offset,
        Err(failure) => {
            return Finding::error(
                CHECK,
                format!("no znode can be created in the namespace: {failure}"),
                "give the job an identity that may, or another --namespace",
            );
        }
    };
    let sure = offset.ahead.abs() - offset.uncertainty;
    let side = if offset.ahead > 0.0 {
        "ahead of"
    } else {
        "behind"
    };
    let found = format!(
        "ZooKeeper's clock is {:.3} s {side} this host's (± {:.3} s)",
        offset.ahead.abs(),
        offset.uncertainty
    );
    if sure <= TOLERABLE {
        return Finding::ok(CHECK, found);
    }
    let harm = if sure > KERBEROS {
        "Kerberos would refuse every ticket, and times of events do not fit together"
    } else {
        "times of events do not fit together"
    };
    Finding::warning(CHECK, found, format!("synchronise both by NTP: {harm}"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + millis).unwrap()
    }

    #[test]
    fn the_clock_is_compared_with_the_middle_of_the_round_trip() {
        let found = offset(at(0), at(3_600_050), at(100));
        assert!((found.ahead - 3600.0).abs() < 1e-6, "{found:?}");
        assert!((found.uncertainty - 0.051).abs() < 1e-6, "{found:?}");
        let behind = offset(at(0), at(-2000), at(0));
        assert!((behind.ahead + 2.0).abs() < 1e-6, "{behind:?}");
    }

    #[test]
    fn only_a_sure_difference_is_told() {
        let level = |ahead, uncertainty| judge_clock(Ok(ClockOffset { ahead, uncertainty })).level;
        assert_eq!(level(0.2, 0.01), Level::Ok);
        assert_eq!(level(-2.0, 1.5), Level::Ok);
        assert_eq!(level(-2.0, 0.1), Level::Warning);
        let far = judge_clock(Ok(offset(at(0), at(400_000), at(0))));
        assert!(far.advice.unwrap().contains("Kerberos"));
        assert_eq!(judge_clock(Err(Failure::NoNode)).level, Level::Error);
    }

    #[test]
    fn open_znodes_matter_to_a_job_with_an_identity() {
        let open = || Ok((4, Some("/heart_beat_control".to_owned())));
        assert_eq!(judge_access(open(), true).level, Level::Warning);
        assert_eq!(judge_access(open(), false).level, Level::Ok);
        assert_eq!(judge_access(Ok((4, None)), true).level, Level::Ok);
    }

    #[test]
    fn a_shortened_session_is_told() {
        let second = Duration::from_secs(1);
        assert_eq!(judge_session(second, second).level, Level::Ok);
        assert_eq!(judge_session(second, second * 4).level, Level::Warning);
    }
}
