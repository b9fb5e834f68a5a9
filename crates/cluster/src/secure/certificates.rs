//! The certificates of a cluster: a CA of its own signs one for each host, by Java's own `keytool`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use super::make_private;
use crate::model::{Cluster, Host};
use crate::process::{run, tail};
use crate::progress::progress;
use crate::role::Role;

/// The password of all stores. It protects nothing: the files do, which only their owner may read, as a password beside
/// them would be. Java and Hadoop want one.
pub(crate) const STORE_PASSWORD: &str = "heartline";
/// How long a run of `keytool` may take. A second is usual.
const LIMIT: Duration = Duration::from_secs(120);
/// The validity of certificates, in days: longer than a test cluster lives.
const DAYS: &str = "3650";

/// Makes the CA and the certificates that are missing.
pub(crate) fn certify(cluster: &Cluster, keytool: &Path) -> anyhow::Result<()> {
    let authority = Authority {
        cluster,
        keytool,
        store: cluster.security().join("ca.p12"),
    };
    if !cluster.trust_store().exists() {
        for host in &cluster.hosts {
            let _ = fs::remove_file(cluster.key_store(host));
        }
        authority.begin()?;
    }
    let mut hosts: Vec<&Host> = cluster.hosts.iter().collect();
    hosts.retain(|host| !cluster.key_store(host).exists());
    thread::scope(|scope| {
        let signing = hosts
            .iter()
            .map(|host| scope.spawn(|| authority.sign(host)));
        let signing: Vec<_> = signing.collect();
        let ends = signing.into_iter().map(|end| match end.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        // All have ended before the first failure is reported.
        ends.collect::<Vec<_>>()
            .into_iter()
            .collect::<anyhow::Result<()>>()
    })?;
    if !hosts.is_empty() {
        progress(format_args!("certificates: {} made", hosts.len()));
    }
    Ok(())
}

struct Authority<'a> {
    cluster: &'a Cluster,
    keytool: &'a Path,
    store: PathBuf,
}

impl Authority<'_> {
    /// Makes the CA's key, its certificate, and the trust store, which is written last.
    fn begin(&self) -> anyhow::Result<()> {
        let cluster = self.cluster;
        make_private(&cluster.security())?;
        let (ca, trust) = (cluster.ca(), cluster.trust_store());
        for file in [&self.store, &ca] {
            let _ = fs::remove_file(file);
        }
        let name = format!("CN=CA of the cluster {}", cluster.name);
        let key = [
            "-genkeypair",
            "-alias",
            "ca",
            "-dname",
            &name,
            "-ext",
            "bc:critical=ca:true",
        ];
        self.tool(&self.store, &[&key[..], &KEY].concat())?;
        private(&self.store)?;
        let (certificate, fresh) = (shown(&ca), trust.with_extension("new"));
        let export = ["-exportcert", "-rfc", "-alias", "ca", "-file", &certificate];
        self.tool(&self.store, &export)?;
        let _ = fs::remove_file(&fresh);
        let import = [
            "-importcert",
            "-noprompt",
            "-alias",
            "ca",
            "-file",
            &certificate,
        ];
        self.tool(&fresh, &import)?;
        kept(&fresh, &trust)
    }

    /// Makes a host's key, and signs a certificate for the names and addresses by which it is reached.
    fn sign(&self, host: &Host) -> anyhow::Result<()> {
        let cluster = self.cluster;
        let folder = cluster.host_security(host);
        make_private(&folder)?;
        let (request, chain) = (folder.join("request.pem"), folder.join("chain.pem"));
        let store = cluster.key_store(host);
        let fresh = store.with_extension("new");
        for file in [&request, &chain, &fresh] {
            let _ = fs::remove_file(file);
        }
        let name = format!("CN={}", host.name);
        let key = ["-genkeypair", "-alias", "host", "-dname", &name];
        self.tool(&fresh, &[&key[..], &KEY].concat())?;
        private(&fresh)?;
        let (asked, signed) = (shown(&request), shown(&chain));
        self.tool(&fresh, &["-certreq", "-alias", "host", "-file", &asked])?;
        let names = format!("san=ip:{},dns:{},dns:localhost", host.address, host.name);
        self.tool(
            &self.store,
            &[
                "-gencert",
                "-rfc",
                "-alias",
                "ca",
                "-validity",
                DAYS,
                "-ext",
                &names,
                "-infile",
                &asked,
                "-outfile",
                &signed,
            ],
        )?;
        // The store gets the whole chain.
        let both = fs::read_to_string(&chain)? + &fs::read_to_string(cluster.ca())?;
        fs::write(&chain, both)?;
        self.tool(
            &fresh,
            &[
                "-importcert",
                "-noprompt",
                "-alias",
                "host",
                "-file",
                &signed,
            ],
        )?;
        for file in [&request, &chain] {
            fs::remove_file(file)?;
        }
        kept(&fresh, &store)
    }

    fn tool(&self, store: &Path, words: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(self.keytool);
        // A short-lived JVM, many at once.
        command.args(["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"]);
        command.args(words).arg("-keystore").arg(store);
        command.args(["-storetype", "PKCS12", "-storepass", STORE_PASSWORD]);
        let kdc = self.cluster.with(Role::Kdc).next();
        let kdc = kdc.context("no host is the kdc")?;
        let log = self.cluster.logs(kdc).join("keytool.log");
        let status = run(&mut command, &log, LIMIT)?;
        if status != Some(0) {
            let action = words.first().unwrap_or(&"");
            bail!("keytool {action} has failed{}", tail(&log));
        }
        Ok(())
    }
}

/// What keys are made of.
const KEY: [&str; 6] = [
    "-keyalg",
    "EC",
    "-groupname",
    "secp256r1",
    "-validity",
    DAYS,
];

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn private(file: &Path) -> anyhow::Result<()> {
    fs::set_permissions(file, Permissions::from_mode(0o600))
        .with_context(|| format!("{} cannot be written", file.display()))
}

/// Gives a complete file its name.
fn kept(fresh: &Path, file: &Path) -> anyhow::Result<()> {
    private(fresh)?;
    fs::rename(fresh, file).with_context(|| format!("{} cannot be written", file.display()))
}
