//! `heartline serve --cluster` and `--nodes`: what the other commands know, in the API.

use serde_json::Value;

use crate::support::{Dashboard, SOON, ServerOfNodes, node_folder, wait_until};

/// Waits until a report has been read, and returns it.
fn report(dashboard: &Dashboard, path: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    wait_until(path, SOON, || {
        last = dashboard.json(path);
        is_it(&last)
    });
    last
}

#[test]
fn the_cluster_and_its_nodes_are_reported() {
    let server = ServerOfNodes::bare(&[]);
    let folder = node_folder("127.0.0.1\tlocalhost\n");
    let _agent = server.agent(folder.path(), "m1", "master", "127.0.1.1");
    let description = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/sample-data/clusters/one-machine.toml"
    );
    let nodes = server.address.to_string();
    let options = ["--cluster", description, "--nodes", &nodes];
    let dashboard = Dashboard::start("127.0.0.1:1", &options);
    let jobs = dashboard.json("/api/v1/jobs");
    assert_eq!(
        (&jobs["has_cluster"], &jobs["has_nodes"]),
        (&true.into(), &true.into())
    );
    let found = report(&dashboard, "/api/v1/nodes", |report| {
        report["status"]["nodes"][0]["hostname"] == "m1"
    });
    assert_eq!(found["problem"], Value::Null, "{found}");
    assert!(found["read"].as_str().is_some());
    // It was not started: all of it is in trouble, which is an answer.
    let found = report(&dashboard, "/api/v1/cluster", |report| {
        !report["status"].is_null()
    });
    let troubles = found["status"]["troubles"].as_array();
    assert!(
        troubles.is_some_and(|troubles| !troubles.is_empty()),
        "{found}"
    );
}

#[test]
fn what_cannot_be_asked_is_a_problem_and_what_is_not_shown_is_not_there() {
    let options = [
        "--cluster",
        "/nowhere/cluster.toml",
        "--nodes",
        "127.0.0.1:1",
    ];
    let dashboard = Dashboard::start("127.0.0.1:1", &options);
    for (path, why) in [
        ("/api/v1/cluster", "cluster.toml"),
        ("/api/v1/nodes", "127.0.0.1:1"),
    ] {
        let found = report(&dashboard, path, |report| report["problem"].is_string());
        let problem = found["problem"].as_str().expect("a text");
        assert!(problem.contains(why), "{problem}");
        assert_eq!(found["status"], Value::Null);
    }
    let dashboard = Dashboard::start("127.0.0.1:1", &[]);
    for path in ["/api/v1/cluster", "/api/v1/nodes"] {
        assert_eq!(dashboard.get(path, &[]).status, 404);
    }
    assert_eq!(dashboard.json("/api/v1/jobs")["has_nodes"], false);
}
