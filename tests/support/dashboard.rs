//! A running `heartline serve`, and HTTP requests to it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::{Guarded, SOON};

/// A server of the page, on a free port.
pub(crate) struct Dashboard {
    process: Guarded,
    address: String,
}

/// The answer to a request.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The lines of the head, in lower case.
    pub(crate) head: Vec<String>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.iter();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Dashboard {
    /// Starts a server of the jobs of this ZooKeeper.
    pub(crate) fn start(zookeeper: &str, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--zookeeper", zookeeper]);
        command.args(options).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = Guarded::spawn(&mut command);
        let mut said = BufReader::new(process.take_stderr().expect("a pipe"));
        let mut line = String::new();
        said.read_line(&mut line).expect("it says where it listens");
        let (_, address) = line.split_once("://").unwrap_or_else(|| panic!("{line}"));
        let address = address.trim().trim_end_matches('/').to_owned();
        Self { process, address }
    }

    /// The host and port on which it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends JSON to a path; `headers` are whole lines.
    pub(crate) fn post(&self, path: &str, headers: &[&str], body: &str) -> Answer {
        let length = format!("content-length: {}", body.len());
        let headers: Vec<&str> = headers.iter().copied().chain([&*length]).collect();
        let mut reader = self.send("POST", path, &headers, body);
        read(&mut reader)
    }

    fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("a limit");
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|header| header.starts_with("host:")) {
            request.extend(["host: ", &self.address, "\r\n"]);
        }
        for header in headers {
            request.extend([header, "\r\n"]);
        }
        request.extend(["\r\n", body]);
        stream.write_all(request.as_bytes()).expect("it reads");
        BufReader::new(stream)
    }

    /// Asks for a path; `headers` are whole lines.
    pub(crate) fn get(&self, path: &str, headers: &[&str]) -> Answer {
        read(&mut self.send("GET", path, headers, ""))
    }

    /// The JSON at a path.
    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = self.get(path, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body)
            .unwrap_or_else(|error| panic!("{error}: {}", answer.body))
    }

    /// Follows the first job; `last` is the id of the last message that this client has.
    pub(crate) fn follow(&self, last: Option<&str>) -> Stream {
        let header = last.map(|last| format!("last-event-id: {last}"));
        let headers: Vec<&str> = header.iter().map(String::as_str).collect();
        let mut reader = self.send("GET", "/api/v1/jobs/0/stream", &headers, "");
        let (status, _) = head(&mut reader);
        assert_eq!(status, 200);
        Stream {
            reader,
            lines: VecDeque::new(),
            id: String::new(),
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Answer {
    let (status, head) = head(reader);
    let mut body = Vec::new();
    std::io::Read::read_to_end(reader, &mut body).expect("an answer");
    Answer {
        status,
        head,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

fn head(reader: &mut impl BufRead) -> (u16, Vec<String>) {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a head");
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let status = lines
        .first()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let lower = lines.into_iter().map(|line| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line,
    });
    (status.expect("a status"), lower.collect())
}

/// Server-Sent Events as they come.
pub(crate) struct Stream {
    reader: BufReader<TcpStream>,
    lines: VecDeque<String>,
    id: String,
}

impl Stream {
    /// The id of the last message that had one.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The next message: its kind and its data.
    pub(crate) fn next(&mut self) -> (String, Value) {
        let (mut kind, mut data) = (String::new(), String::new());
        loop {
            let line = self.line();
            if let Some(id) = line.strip_prefix("id: ") {
                id.clone_into(&mut self.id);
            } else if let Some(word) = line.strip_prefix("event: ") {
                word.clone_into(&mut kind);
            } else if let Some(text) = line.strip_prefix("data: ") {
                data.push_str(text);
            } else if line.is_empty() && !kind.is_empty() {
                let value = serde_json::from_str(&data);
                return (
                    kind,
                    value.unwrap_or_else(|error| panic!("{error}: {data}")),
                );
            }
        }
    }

    /// The data of the first message of this kind that fulfils a condition.
    pub(crate) fn wait_for(&mut self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + SOON;
        while Instant::now() < end {
            let (next, data) = self.next();
            if next == kind && is_it(&data) {
                return data;
            }
        }
        panic!("no such message within {SOON:?}: {kind}");
    }

    /// The next line of the body, whose chunks are put together.
    fn line(&mut self) -> String {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return line;
            }
            let mut size = String::new();
            self.reader.read_line(&mut size).expect("a chunk in time");
            let size =
                usize::from_str_radix(size.trim(), 16).unwrap_or_else(|_| panic!("{size:?}"));
            let mut chunk = vec![0; size + 2];
            std::io::Read::read_exact(&mut self.reader, &mut chunk).expect("a whole chunk");
            // The server sends whole messages.
            let text = String::from_utf8_lossy(&chunk[..size]).into_owned();
            self.lines.extend(text.split('\n').map(str::to_owned));
            if text.ends_with('\n') {
                self.lines.pop_back();
            }
        }
    }
}
