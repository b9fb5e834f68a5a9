//! The servers of ZooKeeper: whether they answer, their version, and their limit on connections.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::finding::{Finding, Level};
use crate::probe::{Pages, Pending, ask, word, word_by_tls};
use crate::zkstats::{Facts, Server};
use heartline_zookeeper::{Settings, TlsClient, place};

/// How long the servers may take to answer: they are asked at once.
const LIMIT: Duration = Duration::from_millis(1200);

/// The oldest version that heartline works with.
const NEEDED: (u32, u32) = (3, 5);

/// Connections of one host beside those of its mappers: of watchers, and of a session that is replaced.
const SPARE: u32 = 3;

/// The limit on connections of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionLimit {
    /// There is none.
    None,
    /// At most these.
    Of(u32),
    /// The server does not tell it.
    Untold,
}

/// The answers of one server.
#[derive(Clone, Debug)]
pub(super) struct AskedServer {
    place: String,
    facts: Facts,
    limit: ConnectionLimit,
}

/// Asks all servers; or why they cannot be asked.
pub(super) type Asked = Result<Vec<AskedServer>, String>;

/// Asks the servers at once; blocks for the limit at most.
pub(super) fn ask_all(settings: &Settings, admin_port: u16) -> Asked {
    let tls = TlsClient::load(&settings.security)?;
    let admin = tls.clone().map(|client| {
        Pages::by(client.for_port("one with admin.portUnification=true in its zoo.cfg"))
    });
    let pages = admin.transpose()?.unwrap_or_default();
    let end = Instant::now() + LIMIT;
    let question = |(host, port): &(String, u16)| {
        let server = Server {
            host: host.clone(),
            port: *port,
            admin_port,
            tls: tls.clone(),
            pages: pages.clone(),
        };
        let pending = ask(end, move || {
            let facts = server.ask(false, end);
            let limit = match facts.mode {
                Some(_) => connection_limit(&server, end),
                None => ConnectionLimit::Untold,
            };
            (facts, limit)
        });
        (place(host, *port), pending)
    };
    let servers = settings.address.servers().iter();
    let asked: Vec<(String, Pending<_>)> = servers.map(question).collect();
    let answers = asked.into_iter().map(|(place, pending)| {
        let silent = || (Facts::of_nobody(), ConnectionLimit::Untold);
        let (facts, limit) = pending.answer().unwrap_or_else(silent);
        AskedServer {
            place,
            facts,
            limit,
        }
    });
    Ok(answers.collect())
}

/// Asks for `maxClientCnxns`: by the word `conf`, or the admin server.
fn connection_limit(server: &Server, end: Instant) -> ConnectionLimit {
    let answer = match &server.tls {
        Some(client) => word_by_tls(client, (&server.host, server.port), "conf", end),
        None => word(&server.host, server.port, "conf", end),
    };
    let told = answer.ok().and_then(|text| of_conf(&text));
    told.unwrap_or_else(|| {
        let admin = place(&server.host, server.admin_port);
        let admin = format!("{admin}/commands/configuration");
        let answer: Result<Value, _> = server.pages.page(&admin, end);
        let told = answer.ok().and_then(|answer| of_admin(&answer));
        told.unwrap_or(ConnectionLimit::Untold)
    })
}

fn of_conf(text: &str) -> Option<ConnectionLimit> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix("maxClientCnxns="))?;
    Some(limit(value.trim().parse().ok()?))
}

fn of_admin(answer: &Value) -> Option<ConnectionLimit> {
    Some(limit(answer["max_client_cnxns"].as_i64()?))
}

/// No positive number means no limit.
fn limit(number: i64) -> ConnectionLimit {
    match u32::try_from(number) {
        Ok(0) | Err(_) => ConnectionLimit::None,
        Ok(most) => ConnectionLimit::Of(most),
    }
}

/// What follows from the answers.
pub(super) fn findings(asked: &Asked, mappers: Option<u32>) -> Vec<Finding> {
    let servers = match asked {
        Ok(servers) => servers,
        Err(why) => {
            let advice = "name a file that this user can read";
            return vec![Finding::error("zookeeper", why.as_str(), advice)];
        }
    };
    let is_served = servers.iter().any(|one| one.facts.is_serving());
    let mut findings: Vec<Finding> = servers.iter().map(|one| judge(one, is_served)).collect();
    findings.extend(judge_limits(servers, mappers));
    findings
}

fn judge(server: &AskedServer, others_serve: bool) -> Finding {
    let check = format!("zookeeper {}", server.place);
    let facts = &server.facts;
    if let Some(version) = &facts.version
        && is_too_old(version)
    {
        let found = format!("is ZooKeeper {version}: heartline needs ZooKeeper 3.5 or later");
        return Finding::error(
            check,
            found,
            "upgrade it, or name another ensemble by --zookeeper",
        );
    }
    if facts.is_serving() {
        let version = facts.version.as_deref().unwrap_or("unknown version");
        let mode = facts.mode.as_deref().unwrap_or_default();
        return Finding::ok(check, format!("serves: {version}, {mode}"));
    }
    let found = facts.problem.clone();
    let found = found.unwrap_or_else(|| "does not serve".to_owned());
    // Words and admin server may be closed on a server that gives sessions: the next check tells.
    let is_closed = found.contains("whitelist");
    if is_closed {
        let advice = "add srvr to 4lw.commands.whitelist to see its version here";
        return Finding::warning(check, found, advice);
    }
    if others_serve {
        return Finding::warning(
            check,
            found,
            "start it: the ensemble survives fewer losses without",
        );
    }
    Finding::error(
        check,
        found,
        "start it, or name the right servers by --zookeeper",
    )
}

/// `3.4.14` is too old; a version that is not understood is not.
fn is_too_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < NEEDED,
        _ => false,
    }
}

/// The smallest limit of all servers, beside the planned mappers of one host.
fn judge_limits(servers: &[AskedServer], mappers: Option<u32>) -> Option<Finding> {
    const CHECK: &str = "connections";
    let serving: Vec<&AskedServer> = servers
        .iter()
        .filter(|one| one.facts.is_serving())
        .collect();
    if serving.is_empty() {
        return None;
    }
    let limits = serving.iter().filter_map(|one| match one.limit {
        ConnectionLimit::Of(most) => Some((most, one.place.as_str())),
        ConnectionLimit::None | ConnectionLimit::Untold => None,
    });
    let is_told = serving
        .iter()
        .any(|one| one.limit != ConnectionLimit::Untold);
    let Some((least, place)) = limits.clone().min() else {
        return Some(if is_told {
            Finding::ok(CHECK, "no limit on the connections of one host")
        } else {
            Finding::warning(
                CHECK,
                "the limit on the connections of one host is not told (60 by default)",
                "add conf to 4lw.commands.whitelist, or open the admin server",
            )
        });
    };
    let found = format!("{place} allows {least} connections of one host");
    let Some(planned) = mappers else {
        return Some(Finding::ok(
            CHECK,
            format!("{found}; --mappers N compares it"),
        ));
    };
    // A client goes to the next server if one has too many of its host.
    let are_all_limited = limits.clone().count() == serving.len();
    let all = limits.fold(0_u32, |sum, (most, _)| sum.saturating_add(most));
    let needed = planned.saturating_add(SPARE);
    let advice = format!(
        "set maxClientCnxns={needed} in zoo.cfg, or 0; by --relay host a host has one connection"
    );
    Some(if are_all_limited && planned > all {
        let found = match serving.len() {
            1 => found,
            number => format!("{number} servers allow {all} connections of one host"),
        };
        let found = format!("{found}, {planned} mappers are planned");
        Finding::error(CHECK, found, advice)
    } else if needed > least {
        let found = format!("{found}, which is little for {planned} mappers");
        Finding::warning(CHECK, found, advice)
    } else {
        Finding::ok(CHECK, format!("{found}, enough for {planned} mappers"))
    })
}

/// Whether it makes sense to open a session: no server is too old, and the words of one are closed or it serves.
pub(super) fn is_worth_a_session(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|one| one.level != Level::Error || one.check == "connections")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(mode: Option<&str>, version: &str, limit: ConnectionLimit) -> AskedServer {
        let facts = match mode {
            Some(mode) => Facts {
                mode: Some(mode.to_owned()),
                version: Some(version.to_owned()),
                ..Facts::default()
            },
            None => Facts::of_nobody(),
        };
        AskedServer {
            place: "zk1:2181".to_owned(),
            facts,
            limit,
        }
    }

    fn levels(servers: Vec<AskedServer>, mappers: Option<u32>) -> Vec<Level> {
        let findings = findings(&Ok(servers), mappers);
        findings.iter().map(|one| one.level).collect()
    }

    #[test]
    fn a_server_that_is_away_breaks_the_job_unless_others_serve() {
        let away = || server(None, "", ConnectionLimit::Untold);
        let serves = || server(Some("leader"), "3.8.4", ConnectionLimit::None);
        assert_eq!(levels(vec![away()], None), [Level::Error]);
        let both = levels(vec![serves(), away()], None);
        assert_eq!(both, [Level::Ok, Level::Warning, Level::Ok]);
    }

    #[test]
    fn a_version_before_3_5_is_too_old() {
        for (version, too_old) in [
            ("3.4.14", true),
            ("2.9.0", true),
            ("3.5.0", false),
            ("3.10.1", false),
            ("4.0", false),
            ("", false),
        ] {
            assert_eq!(is_too_old(version), too_old, "{version}");
        }
    }

    #[test]
    fn the_limit_on_connections_is_compared_with_the_mappers_of_a_host() {
        let with =
            |limit, mappers| levels(vec![server(Some("leader"), "3.8.4", limit)], mappers)[1];
        assert_eq!(with(ConnectionLimit::Of(60), None), Level::Ok);
        assert_eq!(with(ConnectionLimit::Of(60), Some(57)), Level::Ok);
        assert_eq!(with(ConnectionLimit::Of(60), Some(58)), Level::Warning);
        assert_eq!(with(ConnectionLimit::Of(60), Some(61)), Level::Error);
        assert_eq!(with(ConnectionLimit::None, Some(9999)), Level::Ok);
        assert_eq!(with(ConnectionLimit::Untold, Some(1)), Level::Warning);
    }

    #[test]
    fn the_mappers_of_a_host_may_go_to_several_servers() {
        let of = |limit| server(Some("follower"), "3.8.4", limit);
        let with = |limits: [_; 2], mappers| levels(limits.map(of).to_vec(), Some(mappers))[2];
        let limited = [ConnectionLimit::Of(60), ConnectionLimit::Of(20)];
        assert_eq!(with(limited, 17), Level::Ok);
        assert_eq!(with(limited, 80), Level::Warning);
        assert_eq!(with(limited, 81), Level::Error);
        let other = [ConnectionLimit::Of(20), ConnectionLimit::None];
        assert_eq!(with(other, 900), Level::Warning);
    }

    #[test]
    fn both_ways_tell_the_limit() {
        let conf = "clientPort=2181\nmaxClientCnxns=7\nserverId=0\n";
        assert_eq!(of_conf(conf), Some(ConnectionLimit::Of(7)));
        assert_eq!(of_conf("maxClientCnxns=0"), Some(ConnectionLimit::None));
        assert_eq!(of_conf("conf is not executed"), None);
        let admin = serde_json::json!({"max_client_cnxns": 60});
        assert_eq!(of_admin(&admin), Some(ConnectionLimit::Of(60)));
        assert_eq!(of_admin(&serde_json::json!({})), None);
    }
}
