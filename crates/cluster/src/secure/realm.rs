//! The Kerberos realm of a cluster: its KDC, principals and keytabs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::{clear, make_private, random, services, user};
use crate::disk::{put, put_private};
use crate::model::{Cluster, Host};
use crate::process::{feed, tail};
use crate::progress::progress;
use crate::role::{Port, Role};

/// How long a tool of Kerberos may take. Some milliseconds are usual.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a ticket is valid, and how long it may be renewed.
const LIFE: &str = "1d";
const RENEWABLE: &str = "7d";
/// The user of ZooKeeper's scheme `digest` by which failover controllers write their znodes.
const FAILOVER_USER: &str = "zkfc";

/// The configuration of all clients. It names all that they need: nothing is asked of DNS, and names are taken as they
/// are written. Java and MIT's programs speak TCP alone with the KDC. No client hands its ticket on to a server.
fn client_configuration(cluster: &Cluster, kdc: &Host) -> String {
    let realm = cluster.realm();
    let place = kdc.reached(Port::Kdc);
    format!(
        "[libdefaults]\n default_realm = {realm}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
         dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n ticket_lifetime = {LIFE}\n \
         renew_lifetime = {RENEWABLE}\n forwardable = true\n enforce_ok_as_delegate = true\n\
         [realms]\n {realm} = {{\n  kdc = {place}\n }}\n"
    )
}

fn kdc_configuration(cluster: &Cluster, kdc: &Host) -> String {
    let realm = cluster.realm();
    let place = kdc.reached(Port::Kdc);
    let data = cluster.data(kdc, Role::Kdc);
    let file = |name: &str| data.join(name).display().to_string();
    let (database, stash, acl) = (file("principal"), file("stash"), file("kadm5.acl"));
    format!(
        "[kdcdefaults]\n kdc_listen = {place}\n kdc_tcp_listen = {place}\n\
         [realms]\n {realm} = {{\n  database_name = {database}\n  key_stash_file = {stash}\n  acl_file = {acl}\n  \
         max_life = {LIFE}\n  max_renewable_life = {RENEWABLE}\n  \
         supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal\n }}\n\
         [logging]\n kdc = STDERR\n default = STDERR\n"
    )
}

fn kdc_conf(cluster: &Cluster) -> PathBuf {
    cluster.security().join("kdc.conf")
}

/// A program of Kerberos: its variables name this cluster's files, whatever the machine's own are.
fn kerberos(cluster: &Cluster, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", search_path());
    command.env("KRB5_CONFIG", cluster.krb5_conf());
    command.env("KRB5_KDC_PROFILE", kdc_conf(cluster));
    command.env("KRB5CCNAME", cluster.tickets());
    command
}

/// The folders in which Kerberos' programs are looked for: some are for administrators, and not on everybody's `PATH`.
pub(crate) fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    // An empty part would be the current folder.
    path.push(if path.is_empty() {
        "/usr/bin:/usr/sbin"
    } else {
        ":/usr/sbin"
    });
    path
}

/// The option of a KDC by which it is recognized: the file in which it writes its own process id.
fn own_pid_file(cluster: &Cluster, kdc: &Host) -> PathBuf {
    cluster.data(kdc, Role::Kdc).join("krb5kdc.pid")
}

/// Whether these are the arguments of a KDC of the cluster in `folder`.
pub(crate) fn is_ours(words: &[OsString], folder: &Path) -> bool {
    words.windows(2).any(|pair| {
        let file = Path::new(&pair[1]);
        pair[0] == "-P" && file.starts_with(folder) && file.ends_with("krb5kdc.pid")
    })
}

/// The command line of the KDC, detached from the terminal.
pub(crate) fn server(cluster: &Cluster, kdc: &Host) -> Command {
    let mut command = kerberos(cluster, "setsid");
    command.args(cluster.within(kdc));
    command.args(["krb5kdc", "-n", "-P"]);
    command.arg(own_pid_file(cluster, kdc));
    command.current_dir(cluster.home(kdc));
    command
}

/// Makes the realm: its configuration, its database, and the principals and keytabs that are missing.
pub(crate) fn found_realm(cluster: &Cluster) -> anyhow::Result<()> {
    let kdc = cluster.with(Role::Kdc).next();
    let kdc = kdc.context("no host is the kdc")?;
    make_private(&cluster.security())?;
    put(&cluster.krb5_conf(), &client_configuration(cluster, kdc))?;
    put(&kdc_conf(cluster), &kdc_configuration(cluster, kdc))?;
    let data = cluster.data(kdc, Role::Kdc);
    // The stash is the last file that is written of a new database.
    if !data.join("stash").exists() {
        clear(&data)?;
        make_private(&data)?;
        forget_keytabs(cluster)?;
        let password = random()?;
        let log = cluster.logs(kdc).join("kdb5_util.log");
        let mut create = kerberos(cluster, "kdb5_util");
        // The password is not needed again: the stash holds the key that is made of it.
        let input = format!("{password}\n{password}\n");
        let status = feed(create.args(["create", "-s"]), &input, &log, LIMIT)?;
        if status != Some(0) {
            bail!("kdb5_util create has failed{}", tail(&log));
        }
        progress(format_args!("realm: {} created", cluster.realm()));
    }
    for host in cluster.with(Role::Zkfc) {
        identify_failover(cluster, host)?;
    }
    if !cluster.page_secret().exists() {
        put_private(&cluster.page_secret(), &random()?)?;
    }
    add_principals(cluster, kdc)
}

/// Removes the keytabs of a database that is gone.
fn forget_keytabs(cluster: &Cluster) -> anyhow::Result<()> {
    let folders = cluster.hosts.iter().map(|host| cluster.host_security(host));
    for folder in folders.chain([cluster.security()]) {
        for file in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = file.path();
            if path.extension().is_some_and(|it| it == "keytab") {
                fs::remove_file(&path)
                    .with_context(|| format!("{} cannot be removed", path.display()))?;
            }
        }
    }
    Ok(())
}

/// Every keytab that is to be there, with its principal.
fn keytabs(cluster: &Cluster) -> Vec<(PathBuf, String)> {
    let mut all = BTreeSet::from([(cluster.user_keytab(), user())]);
    for host in &cluster.hosts {
        for service in host.roles.iter().flat_map(|role| services(*role)) {
            all.insert((
                cluster.keytab(host, service),
                cluster.principal(host, service),
            ));
        }
    }
    all.into_iter().collect()
}

fn add_principals(cluster: &Cluster, kdc: &Host) -> anyhow::Result<()> {
    let mut missing = keytabs(cluster);
    missing.retain(|(keytab, _)| !keytab.exists());
    if missing.is_empty() {
        return Ok(());
    }
    for host in &cluster.hosts {
        make_private(&cluster.host_security(host))?;
    }
    let mut input = String::new();
    for (keytab, principal) in &missing {
        let fresh = fresh(keytab);
        let _ = fs::remove_file(&fresh);
        // A principal of several keytabs keeps its key.
        input.extend([format!(
            "addprinc -randkey {principal}\nktadd -norandkey -k {} {principal}\n",
            fresh.display()
        )]);
    }
    let log = cluster.logs(kdc).join("kadmin.log");
    let mut kadmin = kerberos(cluster, "kadmin.local");
    let status = feed(&mut kadmin, &input, &log, LIMIT)?;
    for (keytab, principal) in &missing {
        let fresh = fresh(keytab);
        // kadmin.local ends with 0 whatever happens.
        if status != Some(0) || !fresh.exists() {
            bail!(
                "kadmin.local has made no keytab of {principal}{}",
                tail(&log)
            );
        }
        let kept = fs::set_permissions(&fresh, Permissions::from_mode(0o600))
            .and_then(|()| fs::rename(&fresh, keytab));
        kept.with_context(|| format!("{} cannot be written", keytab.display()))?;
    }
    progress(format_args!("realm: {} keytabs made", missing.len()));
    Ok(())
}

/// The name of a keytab until it is complete.
fn fresh(keytab: &Path) -> PathBuf {
    keytab.with_extension("new")
}

/// Writes the files by which the failover controllers close their znodes to others: all controllers have the same
/// identity, so each host gets that of the first.
fn identify_failover(cluster: &Cluster, host: &Host) -> anyhow::Result<()> {
    let (auth, acl) = (
        cluster.failover_identity(host, true),
        cluster.failover_identity(host, false),
    );
    if auth.exists() && acl.exists() {
        return Ok(());
    }
    make_private(&cluster.host_security(host))?;
    let known = cluster.with(Role::Zkfc).find_map(|other| {
        let text = fs::read_to_string(cluster.failover_identity(other, true)).ok()?;
        Some(text.trim().strip_prefix("digest:")?.to_owned())
    });
    let identity = match known {
        Some(identity) => identity,
        None => format!("{FAILOVER_USER}:{}", random()?),
    };
    let digest = STANDARD.encode(Sha1::digest(&identity));
    put_private(&acl, &format!("digest:{FAILOVER_USER}:{digest}:cdrwa\n"))?;
    put_private(&auth, &format!("digest:{identity}\n"))
}

/// The variables by which a command is a client of the cluster, as the user that has started it.
pub(crate) fn client(cluster: &Cluster) -> Vec<(&'static str, OsString)> {
    let option = format!(
        "-Djava.security.krb5.conf={}",
        cluster.krb5_conf().display()
    );
    let with = |name: &str| {
        let given = std::env::var(name).unwrap_or_default();
        format!("{given} {option}").trim().to_owned().into()
    };
    vec![
        ("KRB5_CONFIG", cluster.krb5_conf().into()),
        ("KRB5CCNAME", cluster.tickets().into()),
        ("HADOOP_OPTS", with("HADOOP_OPTS")),
        ("KAFKA_OPTS", with("KAFKA_OPTS")),
    ]
}

/// Fetches a ticket for the user that has started the cluster. While no KDC answers, an earlier one serves.
pub(crate) fn fetch_ticket(cluster: &Cluster) -> anyhow::Result<()> {
    let tickets = cluster.tickets();
    // Commands that run at the same time read the old tickets or the new ones.
    let fresh = tickets.with_extension(std::process::id().to_string());
    let mut kinit = kerberos(cluster, "kinit");
    kinit.arg("-c").arg(&fresh);
    kinit.arg("-kt").arg(cluster.user_keytab()).arg(user());
    let log = cluster.security().join("kinit.log");
    let status = feed(&mut kinit, "", &log, LIMIT)?;
    if status == Some(0) {
        return fs::rename(&fresh, &tickets)
            .with_context(|| format!("{} cannot be written", tickets.display()));
    }
    let mut valid = kerberos(cluster, "klist");
    if feed(valid.arg("-s"), "", &log, LIMIT)? != Some(0) {
        bail!(
            "kinit gets no ticket for {}; check with heartline cluster status that the kdc runs{}",
            user(),
            tail(&log)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Authentication, HostKind};
    use crate::parse::read;

    const HA: &str = include_str!("../../../../sample-data/clusters/three-hosts-ha.toml");

    fn cluster(host_kind: HostKind) -> Cluster {
        let (mut cluster, _) = read(HA, Path::new("."), host_kind).unwrap();
        cluster.set_authentication(Authentication::Kerberos);
        cluster
    }

    #[test]
    fn each_service_of_a_host_has_its_principal() {
        let of = |host_kind, service: &str| {
            let cluster = cluster(host_kind);
            cluster.principal(cluster.host("h2").unwrap(), service)
        };
        assert_eq!(of(HostKind::Netns, "nn"), "nn/h2");
        assert_eq!(of(HostKind::Netns, "HTTP"), "HTTP/h2");
        // Connections on loopback come from localhost, and go to an address.
        assert_eq!(of(HostKind::Loopback, "nn"), "nn/localhost");
        assert_eq!(of(HostKind::Loopback, "zookeeper"), "zookeeper/127.91.2.2");
        let all = keytabs(&cluster(HostKind::Netns));
        let of_h3 = all
            .iter()
            .filter(|(path, _)| path.ends_with("h3/security/dn.keytab"));
        assert_eq!(
            of_h3.map(|(_, it)| it.as_str()).collect::<Vec<_>>(),
            ["dn/h3"]
        );
        assert!(!all.iter().any(|(_, principal)| principal == "nn/h3"));
    }

    #[test]
    fn a_kdc_is_recognized_by_its_folder() {
        let cluster = cluster(HostKind::Loopback);
        let command = server(&cluster, cluster.host("h1").unwrap());
        let words: Vec<OsString> = command.get_args().map(Into::into).collect();
        assert!(is_ours(&words, &cluster.folder));
        assert!(!is_ours(&words, Path::new("/elsewhere")));
    }
}
