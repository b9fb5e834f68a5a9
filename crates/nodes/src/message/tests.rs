//! Tests with the seed's messages, and with faulty ones.

use super::*;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

fn register(extra: &str) -> String {
    format!(
        r#"{{"role" : "slave", "is_alive":"True", "hostname": "slave1.hadoop.com", "ip":"192.168.0.2",
        "id_rsa.pub" : "{KEY} hadoop@slave1\n", "username" : "hadoop"{extra}}}"#
    )
}

#[test]
fn the_messages_of_the_seed_are_read() {
    let request = ClientRequest::read(register("").as_bytes(), false).expect("a registration");
    let ClientRequest::Register(registration) = request else {
        panic!("no registration: {request:?}")
    };
    assert_eq!(
        (
            registration.role,
            registration.is_well,
            registration.keeps_connection
        ),
        (NodeRole::Slave, true, false)
    );
    assert_eq!(registration.key.as_str(), KEY);
    let beat = register(r#", "type": "heartbeat", "mood": {"any": [1]}"#);
    let request = ClientRequest::read(beat.as_bytes(), false);
    assert!(
        matches!(request, Ok(ClientRequest::Heartbeat(_))),
        "{request:?}"
    );
    let confirm = br#"{"role": "server", "is_alive": "True", "hostname": "server.hadoop.com",
        "ip": "10.2.3.119", "username": "root", "type": "heartbeat"}"#;
    assert_eq!(
        ClientRequest::read(confirm, false),
        Ok(ClientRequest::Confirm)
    );
}

#[test]
fn each_field_is_needed_and_checked() {
    let good = register("");
    for (from, to) in [
        ("\"slave\"", "\"server\""),
        ("\"True\"", "true"),
        ("\"True\"", "\"true\""),
        ("\"slave1.hadoop.com\"", "\"localhost\""),
        ("\"192.168.0.2\"", "\"127.0.0.1\""),
        ("hadoop@slave1", "x\\nssh-rsa AAAA"),
        ("\"hadoop\"", "\"a b\""),
        ("\"ip\"", "\"pi\""),
        ("\"role\"", "\"rule\""),
        ("\"username\"", "\"type\""),
    ] {
        let wrong = good.replace(from, to);
        assert_ne!(wrong, good);
        let request = ClientRequest::read(wrong.as_bytes(), false);
        assert!(request.is_err(), "{from} as {to}: {request:?}");
    }
}

#[test]
fn a_confirmation_is_the_seeds() {
    let status =
        br#"{"role":"server","is_alive":"True","hostname":"s","ip":"10.2.3.119","username":"root",
        "id_rsa.pub":"xxxxxx","clusers_ip":[["10.0.0.1","n1"]],"clusers_ssh":[]}"#;
    let status: ServerStatus = serde_json::from_slice(status).expect("a status");
    let confirmation = serde_json::to_vec(&status.confirmation()).expect("JSON");
    assert_eq!(
        ClientRequest::read(&confirmation, false),
        Ok(ClientRequest::Confirm)
    );
    let entries = status.entries(false).expect("good entries");
    assert_eq!(entries.hosts.len(), 1);
}

#[test]
fn one_wrong_entry_spoils_all() {
    for entry in [
        r#"["127.0.0.1","n2"]"#,
        r#"["10.0.0.2","n2\n1.2.3.4 bank"]"#,
        r#"["10.0.0.2","localhost"]"#,
    ] {
        let status = format!(
            r#"{{"role":"server","is_alive":"True","hostname":"s","ip":"10.2.3.119","username":"root",
            "clusers_ip":[["10.0.0.1","n1"],{entry}],"clusers_ssh":[]}}"#
        );
        let status: ServerStatus = serde_json::from_str(&status).expect("a status");
        assert!(status.entries(false).is_err(), "{entry}");
    }
}
