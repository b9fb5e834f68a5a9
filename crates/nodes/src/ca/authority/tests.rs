//! A CA in a folder of its own; rustls judges what it signs.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn order(name: &str, count: u32) -> CertificateOrder {
    CertificateOrder {
        names: vec![name.to_owned()],
        addresses: vec!["10.0.0.1".parse().unwrap()],
        is_for_servers: false,
        lifetime: days(count),
    }
}

fn name(text: &str) -> HostName {
    text.parse().unwrap()
}

/// Whether a server with this CA accepts the certificate of a client at this time.
fn is_accepted(folder: &Path, path: &Path, at: SystemTime) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    let ca = certificates("--x", &folder.join("ca.pem")).unwrap();
    roots.add(ca[0].clone()).unwrap();
    let provider = Arc::new(default_provider());
    let judge = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let chain = certificates("--x", path).unwrap();
    let at = UnixTime::since_unix_epoch(at.duration_since(SystemTime::UNIX_EPOCH).unwrap());
    let judge = judge.build().unwrap();
    let judged = judge.verify_client_cert(&chain[0], &chain[1..], at);
    judged.map(|_| ())
}

#[test]
fn a_certificate_is_of_its_ca_for_its_time() {
    let (folder, other) = (folder(), folder());
    let now = SystemTime::now();
    for folder in [&folder, &other] {
        Authority::make(folder.path(), now, days(3650), false).unwrap();
    }
    let authority = Authority::open(folder.path(), now).unwrap();
    let issued = authority.issue(&name("n1"), &order("n1", 90), now, false);
    let path = issued.unwrap().path;
    assert_eq!(path, folder.path().join("n1.pem"));
    for file in [&path, &folder.path().join("ca.key")] {
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    }
    assert_eq!(is_accepted(folder.path(), &path, now), Ok(()));
    assert!(is_accepted(folder.path(), &path, now + DAY * 91).is_err());
    assert!(is_accepted(other.path(), &path, now).is_err());
    let facts = facts(&path).unwrap();
    assert_eq!(
        (facts.names, facts.is_for_servers),
        (vec!["n1".to_owned()], false)
    );
}

#[test]
fn nothing_is_overwritten_without_force() {
    let folder = folder();
    let now = SystemTime::now();
    let make = |is_forced| Authority::make(folder.path(), now, days(10), is_forced);
    make(false).unwrap();
    let before = fs::read(folder.path().join("ca.key")).unwrap();
    let why = make(false).err().unwrap().to_string();
    assert!(why.ends_with("ca.pem exists; --force replaces it"), "{why}");
    // A certificate that was lost does not cost the key.
    fs::remove_file(folder.path().join("ca.pem")).unwrap();
    let why = make(false).err().unwrap().to_string();
    assert!(why.ends_with("ca.key exists; --force replaces it"), "{why}");
    assert_eq!(fs::read(folder.path().join("ca.key")).unwrap(), before);
    make(true).unwrap();

    let authority = Authority::open(folder.path(), now).unwrap();
    let issue = |is_forced| authority.issue(&name("n1"), &order("n1", 1), now, is_forced);
    let path = issue(false).unwrap().path;
    let before = fs::read(&path).unwrap();
    assert!(issue(false).err().unwrap().to_string().contains("--force"));
    assert_eq!(fs::read(&path).unwrap(), before);
    issue(true).unwrap();
    assert_ne!(fs::read(&path).unwrap(), before);
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    assert!(issue(true).err().unwrap().to_string().contains("chmod 600"));
}

#[test]
fn a_certificate_ends_with_its_ca_and_is_renewed_as_it_was() {
    let folder = folder();
    let now = SystemTime::now();
    Authority::make(folder.path(), now, days(100), false).unwrap();
    let authority = Authority::open(folder.path(), now).unwrap();
    let mut long = order("ctl", 300);
    long.is_for_servers = true;
    let issued = authority.issue(&name("ctl"), &long, now, false).unwrap();
    assert!(issued.is_cut && issued.end == authority.end);
    let short = order("n1.hadoop.com", 30);
    let issued = authority.issue(&name("n1.hadoop.com"), &short, now, false);
    assert!(!issued.unwrap().is_cut);

    assert_eq!(authority.order_of(&name("n1.hadoop.com")).unwrap(), short);
    assert!(authority.order_of(&name("ctl")).unwrap().is_for_servers);
    assert!(authority.order_of(&name("n2")).is_err());
    assert_eq!(authority.due(now).unwrap(), []);
    let due = authority.due(now + DAY * 21).unwrap();
    assert_eq!(due, [name("n1.hadoop.com")]);
    let due = authority.due(now + DAY * 80).unwrap();
    assert_eq!(due, [name("ctl"), name("n1.hadoop.com")]);

    // The certificate of a CA before this one is not renewed; a file that cannot be read is told when its turn comes.
    fs::copy(folder.path().join("ca.pem"), folder.path().join("old.pem")).unwrap();
    fs::write(folder.path().join("torn.pem"), "half a certificate").unwrap();
    assert_eq!(
        authority.due(now + DAY * 21).unwrap(),
        [name("n1.hadoop.com"), name("torn")]
    );
    assert!(authority.order_of(&name("torn")).is_err());
}

#[test]
fn a_key_is_written_into_no_file_that_others_may_read() {
    let folder = folder();
    let now = SystemTime::now();
    Authority::make(folder.path(), now, days(10), false).unwrap();
    let authority = Authority::open(folder.path(), now).unwrap();
    let path = folder.path().join("n1.pem");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let issued = authority.issue(&name("n1"), &order("n1", 1), now, false);
    assert!(issued.err().unwrap().to_string().contains("chmod 600"));
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn a_ca_of_no_use_is_told() {
    let folder = folder();
    let now = SystemTime::now();
    let open = |now| {
        Authority::open(folder.path(), now)
            .err()
            .unwrap()
            .to_string()
    };
    assert!(open(now).contains("make one with: heartline nodes ca init"));
    Authority::make(folder.path(), now, days(10), false).unwrap();
    assert!(open(now + DAY * 11).contains("was valid until"));
    let key = KeyPair::generate().unwrap().serialize_pem();
    fs::write(folder.path().join("ca.key"), key).unwrap();
    assert!(open(now).contains("do not fit together"));
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    assert!(open(now).contains("others may write it"));
}
