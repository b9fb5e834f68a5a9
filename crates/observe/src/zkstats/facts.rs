//! The answers of a `ZooKeeper` server, as text and as JSON, and the facts in them. Pure.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use crate::probe::Silence;

/// The known facts about a server; `None` for what it does not report.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Facts {
    /// `leader`, `follower`, `observer`, `standalone`, or `read-only` for a server without a quorum.
    pub mode: Option<String>,
    /// The version, without the commit that it was built from.
    pub version: Option<String>,
    /// The last transaction that the server has seen: `0x100000000`.
    pub zxid: Option<String>,
    /// The shortest time of a request, in ms.
    pub latency_min: Option<f64>,
    /// The average time of a request, in ms.
    pub latency_avg: Option<f64>,
    /// The longest time of a request, in ms.
    pub latency_max: Option<f64>,
    /// The number of client connections, including the one that asks with a four-letter word.
    pub connections: Option<u64>,
    /// The number of requests in progress.
    pub outstanding: Option<u64>,
    /// The number of znodes.
    pub znodes: Option<u64>,
    /// The number of watches.
    pub watches: Option<u64>,
    /// The number of ephemeral znodes.
    pub ephemerals: Option<u64>,
    /// Why some facts are missing.
    pub problem: Option<String>,
}

impl Facts {
    /// Whether it serves clients: only a server that has a quorum, or needs none, does.
    pub fn is_serving(&self) -> bool {
        let mode = self.mode.as_deref();
        mode.is_some_and(|mode| matches!(mode, "leader" | "follower" | "observer" | "standalone"))
    }

    /// The facts about a server that has not answered in time.
    pub fn of_nobody() -> Self {
        Self {
            problem: Some(Silence::Slow.to_string()),
            ..Self::default()
        }
    }

    /// Adds the facts of another answer where they are missing.
    pub(super) fn add(&mut self, more: Self) {
        fn fill<T>(known: &mut Option<T>, more: Option<T>) {
            if known.is_none() {
                *known = more;
            }
        }
        fill(&mut self.mode, more.mode);
        fill(&mut self.version, more.version);
        fill(&mut self.zxid, more.zxid);
        fill(&mut self.latency_min, more.latency_min);
        fill(&mut self.latency_avg, more.latency_avg);
        fill(&mut self.latency_max, more.latency_max);
        fill(&mut self.connections, more.connections);
        fill(&mut self.outstanding, more.outstanding);
        fill(&mut self.znodes, more.znodes);
        fill(&mut self.watches, more.watches);
        fill(&mut self.ephemerals, more.ephemerals);
    }
}

/// The meaning of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Facts(Box<Facts>),
    /// The four-letter word is not in the whitelist.
    Closed,
    /// The server has no quorum.
    NotServing,
    /// The answer is not from `ZooKeeper`.
    Nonsense,
}

impl Said {
    /// The message for a server without a quorum.
    pub(super) const NOT_SERVING: &str = "is there, but does not serve: it has no quorum";

    /// Parses the answer to `srvr`, `stat` or `mntr`.
    pub(super) fn of(text: &str) -> Self {
        if text.contains("is not executed because it is not in the whitelist") {
            return Self::Closed;
        }
        if text.contains("not currently serving requests") {
            return Self::NotServing;
        }
        let facts = if text.starts_with("zk_version") {
            of_monitor(|name| {
                let prefixed = |line: &str| {
                    line.strip_prefix("zk_")?
                        .strip_prefix(name)?
                        .strip_prefix('\t')
                        .map(str::to_owned)
                };
                text.lines().find_map(prefixed)
            })
        } else {
            of_srvr(text)
        };
        // A server that is just starting answers without its mode and version.
        if facts.version.is_none() {
            return Self::Nonsense;
        }
        Self::Facts(Box::new(facts))
    }

    /// Parses the answer of the admin server to `monitor` or `server_stats`.
    pub(super) fn of_admin(answer: &Value) -> Self {
        if let Some(error) = answer["error"].as_str() {
            let serves = !error.contains("not currently serving requests");
            return if serves {
                Self::Nonsense
            } else {
                Self::NotServing
            };
        }
        let stats = &answer["server_stats"];
        let facts = if stats.is_object() {
            let zxid = stats["last_processed_zxid"].as_i64();
            Facts {
                mode: text(&stats["server_state"]),
                version: text(&answer["version"]).map(|version| released(&version)),
                zxid: zxid.map(|zxid| format!("{zxid:#x}")),
                latency_min: stats["min_latency"].as_f64(),
                latency_avg: stats["avg_latency"].as_f64(),
                latency_max: stats["max_latency"].as_f64(),
                connections: stats["num_alive_client_connections"].as_u64(),
                outstanding: stats["outstanding_requests"].as_u64(),
                znodes: answer["node_count"].as_u64(),
                ..Facts::default()
            }
        } else {
            of_monitor(|name| text(&answer[name]))
        };
        if facts.mode.is_none() {
            return Self::Nonsense;
        }
        Self::Facts(Box::new(facts))
    }
}

/// A JSON string, or a number as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Parses `Name: value` lines.
fn of_srvr(text: &str) -> Facts {
    let lines: HashMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let word = |name: &str| lines.get(name).map(|value| value.trim().to_owned());
    let number = |name: &str| word(name)?.parse().ok();
    let latency = word("Latency min/avg/max").unwrap_or_default();
    let mut latencies = latency.split('/').map(|part| part.parse().ok());
    let mut latency = || latencies.next().flatten();
    Facts {
        mode: word("Mode"),
        version: word("Zookeeper version").map(|version| released(&version)),
        zxid: word("Zxid"),
        latency_min: latency(),
        latency_avg: latency(),
        latency_max: latency(),
        connections: number("Connections"),
        outstanding: number("Outstanding"),
        znodes: number("Node count"),
        ..Facts::default()
    }
}

/// Reads the values of `mntr` and of the admin server's `monitor`, by name.
fn of_monitor(value: impl Fn(&str) -> Option<String>) -> Facts {
    let number = |name| value(name)?.parse().ok();
    let latency = |name| value(name)?.parse().ok();
    Facts {
        mode: value("server_state"),
        version: value("version").map(|version| released(&version)),
        latency_min: latency("min_latency"),
        latency_avg: latency("avg_latency"),
        latency_max: latency("max_latency"),
        connections: number("num_alive_connections"),
        outstanding: number("outstanding_requests"),
        znodes: number("znode_count"),
        watches: number("watch_count"),
        ephemerals: number("ephemerals_count"),
        ..Facts::default()
    }
}

/// The release: `3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on …` is 3.8.4.
fn released(version: &str) -> String {
    let end = version.find(['-', ',']).unwrap_or(version.len());
    version[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The answers of servers of 3.8.4. Long ones are reduced to the lines that are read and some lines around them.
    const STAT: &str = "Zookeeper version: 3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC\nClients:\n /127.0.0.1:33682[0](queued=0,recved=1,sent=0)\n\nLatency min/avg/max: 0/0.0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: 0x0\nMode: follower\nNode count: 5\n";
    const SRVR: &str = "Zookeeper version: 3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC\nLatency min/avg/max: 0/0.25/7\nReceived: 1\nSent: 0\nConnections: 3\nOutstanding: 2\nZxid: 0x100000000\nMode: leader\nNode count: 5\nProposal sizes last/min/max: -1/-1/-1\n";
    const MNTR: &str = "zk_version\t3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC\nzk_server_state\tfollower\nzk_peer_state\tfollowing - broadcast\nzk_ephemerals_count\t4\nzk_num_alive_connections\t1\nzk_avg_latency\t0.5\nzk_outstanding_requests\t0\nzk_znode_count\t5\nzk_global_sessions\t0\nzk_watch_count\t6\nzk_min_latency\t0\nzk_max_latency\t12\n";
    const MONITOR: &str = r#"{"version":"3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC","server_state":"leader","peer_state":"leading - broadcast","ephemerals_count":0,"num_alive_connections":0,"avg_latency":0.0,"outstanding_requests":0,"znode_count":5,"watch_count":7,"synced_followers":2,"min_latency":0,"max_latency":0,"uptime":26763,"command":"monitor","error":null}"#;
    const STATS: &str = r#"{"version":"3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC","read_only":false,"server_stats":{"packets_sent":0,"provider_null":false,"server_state":"leader","outstanding_requests":0,"min_latency":0,"avg_latency":0.0,"max_latency":0,"last_processed_zxid":4294967296,"num_alive_client_connections":0,"uptime":27122},"node_count":5,"command":"server_stats","error":null}"#;

    fn facts(said: Said) -> Facts {
        match said {
            Said::Facts(facts) => *facts,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn srvr_and_mntr_show_all_but_a_few_values() {
        let facts = facts(Said::of(SRVR));
        let expected = Facts {
            mode: Some("leader".into()),
            version: Some("3.8.4".into()),
            zxid: Some("0x100000000".into()),
            latency_min: Some(0.0),
            latency_avg: Some(0.25),
            latency_max: Some(7.0),
            connections: Some(3),
            outstanding: Some(2),
            znodes: Some(5),
            ..Facts::default()
        };
        assert_eq!(facts, expected);
        assert!(facts.is_serving());
        let stat = self::facts(Said::of(STAT));
        assert_eq!(stat.mode.as_deref(), Some("follower"));
        assert_eq!((stat.connections, stat.znodes), (Some(1), Some(5)));
    }

    #[test]
    fn what_one_word_does_not_show_another_does() {
        let mut both = facts(Said::of(SRVR));
        both.add(facts(Said::of(MNTR)));
        assert_eq!(both.mode.as_deref(), Some("leader"));
        assert_eq!(both.latency_max, Some(7.0));
        assert_eq!((both.watches, both.ephemerals), (Some(6), Some(4)));
    }

    #[test]
    fn the_admin_server_shows_the_same() {
        let of = |text: &str| facts(Said::of_admin(&serde_json::from_str(text).unwrap()));
        let mut both = of(MONITOR);
        assert_eq!((both.zxid.as_deref(), both.watches), (None, Some(7)));
        both.add(of(STATS));
        assert_eq!(both.zxid.as_deref(), Some("0x100000000"));
        assert_eq!(both.mode.as_deref(), Some("leader"));
        assert_eq!(both.version.as_deref(), Some("3.8.4"));
        assert_eq!(of(STATS).znodes, Some(5));
    }

    #[test]
    fn a_server_without_a_quorum_and_a_closed_word_are_distinguished() {
        let not = "This ZooKeeper instance is not currently serving requests";
        assert_eq!(Said::of(&format!("{not}\n")), Said::NotServing);
        let admin = serde_json::json!({"command": "server_stats", "error": not});
        assert_eq!(Said::of_admin(&admin), Said::NotServing);
        let closed = "stat is not executed because it is not in the whitelist.\n";
        assert_eq!(Said::of(closed), Said::Closed);
        for nonsense in ["", "HTTP/1.1 400 Bad Request\r\n", "Mode: leader"] {
            assert_eq!(Said::of(nonsense), Said::Nonsense, "{nonsense}");
        }
        assert_eq!(Said::of_admin(&serde_json::json!({"a": 1})), Said::Nonsense);
    }

    #[test]
    fn one_that_only_reads_does_not_serve() {
        let mode = |mode: &str| Facts {
            mode: Some(mode.to_owned()),
            ..Facts::default()
        };
        assert!(!mode("read-only").is_serving() && !Facts::default().is_serving());
        assert!(mode("observer").is_serving() && mode("standalone").is_serving());
    }
}
