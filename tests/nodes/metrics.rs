//! The metrics of a node control server with a real agent.

use std::collections::BTreeSet;

use crate::support::{SOON, ServerOfNodes, node_folder, wait_until};

#[test]
fn nodes_and_their_events_are_counted() {
    let server = ServerOfNodes::bare(&["--metrics", "127.0.0.1:0"]);
    server.log().wait_for("/metrics");
    let lines = server.log().lines();
    let url = lines.iter().find_map(|line| line.split_once(" http://"));
    let url = format!("http://{}", url.expect("an address").1);
    let scrape = || {
        let answer = ureq::get(&url).call();
        answer.and_then(|mut answer| answer.body_mut().read_to_string())
    };
    let until = |line: &str| {
        wait_until(line, SOON, || {
            scrape().is_ok_and(|text| text.contains(line))
        });
    };
    until("heartline_nodes_server_active 1\n");
    let folder = node_folder("127.0.0.1\tlocalhost\n");
    let agent = server.agent(folder.path(), "m1", "master", "127.0.1.1");
    until("heartline_nodes{state=\"alive\"} 1\n");
    until("heartline_nodes_master 1\n");
    until("heartline_nodes_connections 1\n");
    until("heartline_nodes_events_total{event=\"joined\"} 1\n");
    drop(agent);
    until("heartline_nodes{state=\"dead\"} 1\n");
    until("heartline_nodes_events_total{event=\"died\"} 1\n");
    until("heartline_nodes_connections 0\n");
    until("process_open_fds");
    assert_eq!(documented(), told(&scrape().expect("figures")));
}

/// The rows of nodes in the page of the metrics: name, type and meaning.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../docs/reference/metrics.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `heartline_nodes"));
    rows.map(str::to_owned).collect()
}

/// The same rows of what the exporter tells.
fn told(scrape: &str) -> BTreeSet<String> {
    let kind = |name: &str| {
        let begin = format!("# TYPE {name} ");
        scrape.lines().find_map(|line| line.strip_prefix(&begin))
    };
    let helps = scrape
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP "));
    let rows = helps.filter_map(|line| {
        let (name, help) = line.split_once(' ')?;
        let help = help.trim_end_matches('.');
        Some(format!("| `{name}` | {} | {help} |", kind(name)?))
    });
    rows.filter(|row| row.starts_with("| `heartline_nodes"))
        .collect()
}
