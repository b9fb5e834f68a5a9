//! A client that knows the seed's messages and nothing else registers, beats and gets its updates.

mod support;

use support::{KEYS, ServerOfNodes, python};

const CLIENT: &str = include_str!("nodes_client.py");
#[test]
fn a_python_client_of_the_seed_gets_all_that_it_is_promised() {
    let server = ServerOfNodes::bare(&["--timeout", "4s"]);
    let (host, port) = (
        server.address.ip().to_string(),
        server.address.port().to_string(),
    );
    let Some(said) = python(CLIENT, &[&host, &port, KEYS[0], KEYS[1]]) else {
        return;
    };
    let said: Vec<&str> = said.lines().collect();
    let expected = [
        "registered",
        "told the status",
        "beats",
        "registered in pieces",
        "told the update",
        "told why",
        "beats elsewhere",
        "told of the death",
        "took over",
    ];
    assert_eq!(said, expected, "{:#?}", server.log().lines());
    server
        .log()
        .wait_for("second.hadoop.com is master in the place of master.hadoop.com");
}
