//! The metrics of a node control server with a real agent.

use crate::support::{SOON, ServerOfNodes, node_folder, wait_until};

#[test]
fn nodes_and_their_events_are_counted() {
    let server = ServerOfNodes::bare(&["--metrics", "127.0.0.1:0"]);
    server.log().wait_for("/metrics");
    let lines = server.log().lines();
    let url = lines.iter().find_map(|line| line.split_once(" http://"));
    let url = format!("http://{}", url.expect("an address").1);
    let until = |line: &str| {
        wait_until(line, SOON, || {
            let answer = ureq::get(&url).call();
            let text = answer.map(|mut answer| answer.body_mut().read_to_string());
            text.is_ok_and(|text| text.is_ok_and(|text| text.contains(line)))
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
}
