//! A healthy cluster of three hosts, for tests.

use chrono::DateTime;

use super::hdfs::{Datanode, Journal, Listed, Namenode};
use super::kafka::Kafka;
use super::listing::ListedFile;
use super::overview::{Daemon, Listens, Overview, Probed, Server, Worker};
use super::yarn::{Node, Resourcemanager};
use heartline_observe::status::GroupSummary;
use heartline_observe::zkstats::Facts;

fn part<T>(host: &str, id: Option<&str>, known: T) -> Daemon<T> {
    Daemon {
        host: host.to_owned(),
        id: id.map(str::to_owned),
        reply: Probed::Known(known),
    }
}

fn server(host: &str, mode: &str) -> Daemon<Server> {
    let facts = Facts {
        mode: Some(mode.to_owned()),
        zxid: Some("0x100000007".to_owned()),
        znodes: Some(41),
        connections: Some(6),
        ..Facts::default()
    };
    let observes = mode == "observer";
    part(host, None, Server { observes, facts })
}

fn listed(host: &str) -> Listed {
    Listed {
        name: format!("{host}:9866"),
        address: format!("{host}:9866"),
        page: Some(format!("{host}:9864")),
        live: true,
        last_contact: Some(1),
        admin_state: Some("In Service".to_owned()),
        capacity: Some(250 << 30),
        used: Some(1 << 30),
        remaining: Some(200 << 30),
        blocks: Some(12),
    }
}

fn namenode(state: &str, transaction: u64) -> Namenode {
    Namenode {
        state: state.to_owned(),
        safe_mode: None,
        transaction: Some(transaction),
        capacity: Some(500 << 30),
        used: Some(2 << 30),
        missing_blocks: Some(0),
        datanodes: vec![listed("h1"), listed("h2")],
    }
}

fn manager(state: &str) -> Resourcemanager {
    Resourcemanager {
        state: state.to_owned(),
        zookeeper: Some("CONNECTED".to_owned()),
    }
}

fn datanode(host: &str) -> Worker<Datanode, Listed> {
    let actors = [("h1:8020".to_owned(), "RUNNING".to_owned())];
    Worker {
        host: host.to_owned(),
        reply: Some(Probed::Known(Datanode {
            actors: actors.into(),
        })),
        listed: Some(listed(host)),
    }
}

#[expect(clippy::too_many_lines, reason = "a sample of every part")]
pub(super) fn overview() -> Overview {
    let listens = Listens { listens: true };
    let time = DateTime::from_timestamp_millis(1_795_293_200_000).unwrap();
    let node = Node {
        id: "h1:8041".to_owned(),
        state: "RUNNING".to_owned(),
        last_report_ms: time.timestamp_millis() - 1500,
        free_memory_mb: 10_240,
        ..Node::default()
    };
    Overview {
        cluster: "mycluster".to_owned(),
        time,
        voters: 3,
        no_ticket: None,
        kdcs: Vec::new(),
        ensemble: vec![
            server("h1", "leader"),
            server("h2", "follower"),
            server("h3", "follower"),
            server("h4", "observer"),
        ],
        namenodes: vec![
            part("h1", Some("nn1"), namenode("active", 120)),
            part("h2", Some("nn2"), namenode("standby", 100)),
        ],
        zkfcs: vec![
            part("h1", Some("nn1"), listens),
            part("h2", Some("nn2"), listens),
        ],
        journalnodes: ["h1", "h2", "h3"]
            .map(|host| {
                let journal = Journal {
                    transaction: Some(120),
                    lag: Some(0),
                };
                part(host, None, journal)
            })
            .to_vec(),
        datanodes: ["h1", "h2"].map(datanode).to_vec(),
        resourcemanagers: vec![
            part("h1", Some("rm1"), manager("active")),
            part("h2", Some("rm2"), manager("standby")),
        ],
        nodemanagers: vec![Worker {
            host: "h1".to_owned(),
            reply: Some(Probed::Known(listens)),
            listed: Some(node),
        }],
        brokers: vec![part("h1", Some("1"), listens)],
        kafka: Some(Probed::Known(Kafka {
            controller: Some(1),
            brokers: vec![1],
            partitions: 3,
            ..Kafka::default()
        })),
        heartline: Probed::Known(GroupSummary {
            master: Some("map1".to_owned()),
            epoch: Some(9),
            members: 3,
            ..GroupSummary::default()
        }),
        root: Some(Probed::Known(vec![ListedFile {
            path: "/user".to_owned(),
            folder: true,
            permission: "rwxr-xr-x".to_owned(),
            owner: "root".to_owned(),
            group: "supergroup".to_owned(),
            modified_ms: time.timestamp_millis(),
            ..ListedFile::default()
        }])),
    }
}
