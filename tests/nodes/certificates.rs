//! `heartline nodes ca`, and what openssl says of its certificates.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::left_out::{self, leave_out};
use tempfile::TempDir;

/// Runs `heartline nodes ca` with these words for the CA in `folder`.
pub(crate) fn ca(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
    command.args(["nodes", "ca", words[0]]).arg(folder);
    command.args(&words[1..]).output().expect("it runs")
}

/// The same, which must succeed; what it said.
pub(crate) fn must(folder: &Path, words: &[&str]) -> String {
    let output = ca(folder, words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {said}");
    assert!(output.stdout.is_empty(), "{output:?}");
    said
}

/// A folder with a CA.
pub(crate) fn new_ca() -> TempDir {
    let folder = TempDir::with_prefix("heartline-ca-").expect("a temporary folder");
    must(folder.path(), &["init"]);
    folder
}

/// Runs openssl in `folder`; `Err` if there is none.
fn openssl(folder: &Path, words: &str) -> Result<(bool, String), String> {
    let mut command = Command::new("openssl");
    command.args(words.split_whitespace()).current_dir(folder);
    let output = command
        .output()
        .map_err(|why| format!("openssl cannot be run: {why}"))?;
    let said = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    ))
}

/// What openssl is asked, whether it says yes, and a part of its answer.
const OPENSSL: [(&str, bool, &str); 12] = [
    (
        "verify -x509_strict -CAfile ca.pem -purpose sslclient n1.hadoop.com.pem",
        true,
        "n1.hadoop.com.pem: OK",
    ),
    (
        "verify -x509_strict -CAfile ca.pem -purpose sslserver n1.hadoop.com.pem",
        false,
        "purpose",
    ),
    (
        "verify -x509_strict -CAfile ca.pem -purpose sslclient -verify_hostname n1 n1.hadoop.com.pem",
        true,
        "OK",
    ),
    (
        "verify -x509_strict -CAfile ca.pem -purpose sslclient -verify_hostname n2 n1.hadoop.com.pem",
        false,
        "ostname mismatch",
    ),
    (
        "verify -x509_strict -CAfile ca.pem -purpose sslserver -verify_ip 10.0.0.1 ctl.pem",
        true,
        "ctl.pem: OK",
    ),
    (
        "verify -x509_strict -CAfile ca.pem -purpose sslserver -verify_ip fd00::1 ctl.pem",
        true,
        "ctl.pem: OK",
    ),
    (
        "verify -x509_strict -CAfile ca.pem -purpose sslclient ctl.pem",
        true,
        "ctl.pem: OK",
    ),
    (
        "verify -CAfile other-ca.crt ctl.pem",
        false,
        "unable to get local issuer",
    ),
    (
        "verify -x509_strict -CAfile ca.pem ca.pem",
        true,
        "ca.pem: OK",
    ),
    (
        "x509 -in ctl.pem -noout -checkend 7600000",
        true,
        "will not expire",
    ),
    (
        "x509 -in ctl.pem -noout -checkend 7800000",
        false,
        "will expire",
    ),
    ("pkey -in ctl.pem -noout -check", true, "valid"),
];

#[test]
fn openssl_accepts_each_certificate_for_what_it_is_for() {
    let folder = new_ca();
    let folder = folder.path();
    let other = new_ca();
    must(folder, &["issue", "n1.hadoop.com", "--dns", "n1"]);
    let server = [
        "issue", "ctl", "--server", "--ip", "10.0.0.1", "--ip", "fd00::1",
    ];
    must(folder, &server);
    fs::copy(other.path().join("ca.pem"), folder.join("other-ca.crt")).expect("copied");
    for (words, is_right, says) in OPENSSL {
        match openssl(folder, words) {
            Ok((done, said)) => {
                assert_eq!(done, is_right, "{words}: {said}");
                assert!(said.contains(says), "{words}: {said}");
            }
            Err(why) => leave_out!("{why}"),
        }
    }
}

#[test]
fn a_ca_says_what_it_writes_and_overwrites_nothing() {
    let folder = TempDir::with_prefix("heartline-ca-").expect("a temporary folder");
    let folder = folder.path().join("new/ca");
    let said = must(&folder, &["init"]);
    assert!(said.contains("ca.pem is written: valid until "), "{said}");
    assert!(said.contains("ca.key is written: who has it"), "{said}");
    let said = must(&folder, &["issue", "N1", "--dns", "n1.hadoop.com"]);
    assert!(
        said.contains("n1.pem is written: a node or operator, n1, n1.hadoop.com; valid until ")
    );
    let mode = |name: &str| fs::metadata(folder.join(name)).expect("there").mode() & 0o7777;
    let modes = [mode(""), mode("ca.key"), mode("n1.pem"), mode("ca.pem")];
    assert_eq!(modes, [0o700, 0o600, 0o600, 0o644]);
    let own = fs::read(folder.join("n1.pem")).expect("there");

    for (words, code, says) in [
        (&["init"][..], 1, "ca.pem exists; --force replaces it"),
        (&["issue", "n1"], 1, "n1.pem exists; --force replaces it"),
        (&["issue", "ca"], 2, "ca.pem is the CA's own file"),
        (&["issue", "../x"], 2, "is no host name"),
        (&["issue", "n2", "--days", "0"], 2, "0 is not in 1..=3650"),
        (&["issue", "n2", "--ip", "n2"], 2, "invalid IP address"),
        (&["renew", "n2"], 1, "there is no "),
    ] {
        let output = ca(&folder, words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(says), "{words:?}: {said}");
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
    }
    assert_eq!(fs::read(folder.join("n1.pem")).expect("there"), own);

    let said = must(&folder, &["renew"]);
    assert!(
        said.contains("no certificate is in the last third"),
        "{said}"
    );
    let said = must(&folder, &["renew", "n1", "--days", "3650"]);
    assert!(
        said.contains("n1, n1.hadoop.com; valid as long as its CA, until "),
        "{said}"
    );
    assert_ne!(fs::read(folder.join("n1.pem")).expect("there"), own);
}
