//! Many nodes that register at once, each by its own bare connection.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

use serde_json::json;

use super::{SOON, wait_until};

/// Their registrations in progress.
pub(crate) struct Storm {
    acknowledged: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Option<String>>>,
}

impl Storm {
    /// Registers `nodes` nodes at this server, all at once.
    pub(crate) fn of(server: SocketAddr, nodes: usize) -> Self {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let clients = (0..nodes).map(|number| {
            let acknowledged = Arc::clone(&acknowledged);
            thread::spawn(move || {
                let name = register(server, number)?;
                acknowledged.fetch_add(1, Relaxed);
                Some(name)
            })
        });
        Self {
            clients: clients.collect(),
            acknowledged,
        }
    }

    /// Waits until `nodes` registrations are acknowledged.
    pub(crate) fn wait_for(&self, nodes: usize) {
        wait_until("some are acknowledged", SOON, || {
            self.acknowledged.load(Relaxed) >= nodes
        });
    }

    /// The names of the acknowledged nodes, once all have an answer or have failed.
    pub(crate) fn acknowledged(self) -> Vec<String> {
        let clients = self.clients.into_iter();
        clients
            .filter_map(|client| client.join().expect("no panic"))
            .collect()
    }
}

/// Registers a node; returns its name if that is acknowledged.
fn register(server: SocketAddr, number: usize) -> Option<String> {
    let name = format!("n{number}");
    let mut key = [7_u8; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    let key = ssh_key::public::Ed25519PublicKey(key);
    let key = ssh_key::PublicKey::from(key).to_openssh().expect("a key");
    let register = json!({
        "role": "slave", "is_alive": "True", "hostname": name, "username": "hadoop",
        "ip": format!("127.1.{}.{}", number / 250, number % 250 + 1), "id_rsa.pub": key,
    });
    let mut stream = TcpStream::connect(server).ok()?;
    stream.write_all(register.to_string().as_bytes()).ok()?;
    let mut answer = [0; 64];
    let mut said = Vec::new();
    loop {
        let length = stream.read(&mut answer).ok().filter(|length| *length > 0)?;
        said.extend_from_slice(&answer[..length]);
        let text = String::from_utf8_lossy(&said);
        if text.contains(r#""type":"ack","of":"register""#) {
            return Some(name);
        }
        assert!(!text.contains("refused"), "{text}");
    }
}
