//! A real Kerberos realm of a test: a KDC, principals, keytabs and tickets; and a real `ZooKeeper` server that asks each
//! session for one.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::server::free_port;
use super::{Guarded, SOON, ZooKeeper, wait_until, which};

/// The name of every realm here: no two of them know each other.
const NAME: &str = "TEST.HEARTLINE";
/// What a realm needs of the machine.
const PROGRAMS: [&str; 6] = [
    "krb5kdc",
    "kdb5_util",
    "kadmin.local",
    "kinit",
    "klist",
    "faketime",
];

/// What is missing for tests with Kerberos; `None` if nothing is.
pub(crate) fn no_kerberos() -> Option<String> {
    if !cfg!(feature = "gssapi") {
        let why = "the programs are built without Kerberos: libkrb5-dev, libclang-dev and --features gssapi are missing";
        return Some(why.to_owned());
    }
    let mut programs = PROGRAMS.iter();
    let missing = programs.find(|program| which(program).is_none())?;
    Some(format!("{missing} is missing"))
}

/// A realm and its KDC. The database is in a folder of its own, and goes with it.
pub(crate) struct Realm {
    // Dropped before the folder that it reads.
    kdc: Option<Guarded>,
    port: u16,
    folder: TempDir,
}

impl Realm {
    /// Founds it, with a server's principal `zookeeper/127.0.0.1` and the users `job` and `stranger`.
    pub(crate) fn found() -> Self {
        let folder = TempDir::with_prefix("heartline-realm-").expect("a temporary folder");
        fs::create_dir(folder.path().join("db")).expect("a folder");
        let mut realm = Self {
            kdc: None,
            port: free_port(),
            folder,
        };
        realm.configure("krb5.conf", realm.port, "");
        realm.run(Command::new("kdb5_util").args(["create", "-s", "-P", "not-a-secret"]));
        for principal in ["zookeeper/127.0.0.1", "job", "stranger"] {
            realm.add(principal);
        }
        realm.kdc = Some(realm.serve(realm.port, &[]));
        realm
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str) -> String {
        self.path().join(name).display().to_string()
    }

    /// Writes a configuration of clients of the KDC at a port.
    fn configure(&self, file: &str, port: u16, more: &str) {
        // Of two lines with the same name, the first counts.
        let text = format!(
            "[libdefaults]\n{more} default_realm = {NAME}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
             dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n \
             enforce_ok_as_delegate = true\n[realms]\n {NAME} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        );
        fs::write(self.path().join(file), text).expect("a folder");
    }

    /// Adds a principal with a random key, and writes its keytab, which [`Self::keytab`] names.
    pub(crate) fn add(&self, principal: &str) {
        let keytab = self.keytab(principal);
        self.administrate(&format!(
            "addprinc -randkey {principal}\nktadd -k {keytab} {principal}\n"
        ));
        assert!(Path::new(&keytab).exists(), "no keytab of {principal}");
    }

    /// Runs lines of `kadmin.local`.
    pub(crate) fn administrate(&self, lines: &str) {
        let mut kadmin = self.program(&mut Command::new("kadmin.local"));
        let mut child = kadmin
            .stdin(Stdio::piped())
            .spawn()
            .expect("kadmin.local runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(lines.as_bytes()).expect("it reads");
        drop(stdin);
        assert!(child.wait().expect("it ends").success());
    }

    /// The keytab of a principal.
    pub(crate) fn keytab(&self, principal: &str) -> String {
        self.file(&format!("{}.keytab", principal.replace('/', "-")))
    }

    /// A program of Kerberos, with this realm's files and whatever it says in `tools.log`.
    fn program(&self, command: &mut Command) -> Command {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path().join("tools.log"))
            .expect("the log can be written");
        let mut own = Command::new(command.get_program());
        own.args(command.get_args())
            .env("PATH", search_path())
            .env("KRB5_CONFIG", self.path().join("krb5.conf"))
            .env("KRB5_KDC_PROFILE", self.write_kdc_conf(self.port))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log);
        own
    }

    fn run(&self, command: &mut Command) {
        let status = self.program(command).status().expect("it runs");
        let log = fs::read_to_string(self.path().join("tools.log")).unwrap_or_default();
        assert!(status.success(), "{command:?}: {log}");
    }

    fn write_kdc_conf(&self, port: u16) -> PathBuf {
        let path = self.path().join(format!("kdc-{port}.conf"));
        let file = |name: &str| self.file(&format!("db/{name}"));
        let mut text = format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n[realms]\n {NAME} = {{\n"
        );
        for (name, value) in [
            ("database_name", file("principal")),
            ("key_stash_file", file("stash")),
            ("acl_file", file("acl")),
            ("max_renewable_life", "1d".to_owned()),
        ] {
            let _ = writeln!(text, "  {name} = {value}");
        }
        text.push_str(" }\n[logging]\n kdc = STDERR\n default = STDERR\n");
        if !path.exists() {
            fs::write(&path, text).expect("a folder");
        }
        path
    }

    /// Starts a KDC on `port` through a `starter` that replaces itself with it, and waits until it listens.
    fn serve(&self, port: u16, starter: &[&str]) -> Guarded {
        let pid_file = self.file(&format!("kdc-{port}.pid"));
        let words = [starter, &["krb5kdc", "-n", "-P", &pid_file]].concat();
        let mut command = self.program(Command::new(words[0]).args(&words[1..]));
        command.env("KRB5_KDC_PROFILE", self.write_kdc_conf(port));
        let kdc = Guarded::spawn(&mut command);
        wait_until("the KDC listens", SOON, || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        kdc
    }

    /// Another KDC of the same realm, whose clock is wrong by `offset`, such as `+10m`; and the file that names it to
    /// clients.
    pub(crate) fn skewed(&self, offset: &str) -> (Guarded, String) {
        let port = free_port();
        let name = format!("skewed{offset}.conf");
        self.configure(&name, port, "");
        // The program faketime would stay between, and leave the KDC behind when it is killed.
        let library = "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1";
        let kdc = self.serve(port, &["env", library, &format!("FAKETIME={offset}")]);
        (kdc, self.file(&name))
    }

    /// The KDC's process.
    pub(crate) fn kdc(&self) -> &Guarded {
        self.kdc.as_ref().expect("it runs")
    }

    /// Ends the KDC: nothing listens on its port any more.
    pub(crate) fn stop(&mut self) {
        self.kdc = None;
    }

    /// Starts the KDC again.
    pub(crate) fn restart(&mut self) {
        self.kdc = None;
        self.kdc = Some(self.serve(self.port, &[]));
    }

    /// A client's configuration with more lines of `libdefaults`.
    pub(crate) fn configured(&self, name: &str, more: &str) -> String {
        self.configure(name, self.port, more);
        self.file(name)
    }

    /// Who a client is: by the keytab of a principal, with tickets of a cache of its own.
    pub(crate) fn by_keytab(&self, principal: &str) -> Ticket {
        let mut ticket = self.by_cache(&format!("{principal}-of-keytab"));
        ticket.set("KRB5_CLIENT_KTNAME", &self.keytab(principal));
        ticket
    }

    /// Who a client is: by the tickets of a cache, which may have none yet. No keytab is used.
    pub(crate) fn by_cache(&self, cache: &str) -> Ticket {
        let mut ticket = Ticket(Vec::new());
        ticket.set("KRB5_CONFIG", &self.file("krb5.conf"));
        ticket.set("KRB5CCNAME", &self.file(&format!("{cache}.tickets")));
        ticket.set("KRB5_CLIENT_KTNAME", &self.file("no.keytab"));
        ticket
    }

    /// Gets the cache of `ticket` a ticket for a principal, as an administrator would: `more` are options of `kinit`.
    pub(crate) fn kinit(&self, ticket: &Ticket, principal: &str, more: &[&str]) {
        let mut kinit = Command::new("kinit");
        kinit.args(more).arg("-kt").arg(self.keytab(principal));
        let mut kinit = self.program(kinit.arg(principal));
        let done = kinit.envs(ticket.variables()).status();
        assert!(done.expect("kinit runs").success(), "{principal}");
    }

    /// Renews the ticket of a cache, as `k5start` does again and again.
    pub(crate) fn renew(&self, ticket: &Ticket) {
        let mut kinit = self.program(Command::new("kinit").arg("-R"));
        let status = kinit.envs(ticket.variables()).status();
        assert!(status.expect("kinit runs").success(), "not renewed");
    }

    /// Waits until the ticket of a cache has expired.
    pub(crate) fn wait_until_expired(&self, ticket: &Ticket) {
        wait_until("the ticket has expired", SOON, || {
            let mut klist = self.program(Command::new("klist").arg("-s"));
            let status = klist.envs(ticket.variables()).status();
            !status.expect("klist runs").success()
        });
    }

    /// A server that refuses sessions without a ticket, started with `starter` if that is not empty.
    pub(crate) fn zookeeper(&self, settings: &[&str], starter: &[&str]) -> ZooKeeper {
        let jaas = self.path().join("jaas.conf");
        let login = format!(
            "Server {{\n  com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true \
             useTicketCache=false keyTab=\"{}\" principal=\"zookeeper/127.0.0.1@{NAME}\";\n}};\n",
            self.keytab("zookeeper/127.0.0.1")
        );
        fs::write(&jaas, login).expect("a folder");
        let usual = [
            "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
            "sessionRequireClientSASLAuth=true",
            "kerberos.removeRealmFromPrincipal=true",
            "minSessionTimeout=1000",
        ];
        let properties = [
            format!("-Djava.security.auth.login.config={}", jaas.display()),
            format!("-Djava.security.krb5.conf={}", self.file("krb5.conf")),
        ];
        ZooKeeper::arranged(&[&usual, settings].concat(), |server| {
            server.properties.extend_from_slice(&properties);
            server.starter = starter.iter().map(ToString::to_string).collect();
        })
    }
}

/// The variables by which a client finds its realm and its tickets.
#[derive(Clone)]
pub(crate) struct Ticket(Vec<(&'static str, String)>);

impl Ticket {
    /// The same client with another value of a variable.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.set(name, value);
        other
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value.to_owned()));
    }

    fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.iter().cloned()
    }

    /// The beginning of a command line whose program is this client.
    pub(crate) fn starter(&self) -> Vec<String> {
        let variables = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        [String::from("env")].into_iter().chain(variables).collect()
    }

    /// Runs a program as this client; ends it if it does not end soon.
    pub(crate) fn run(&self, program: &str, words: &[&str]) -> Output {
        assert_cmd::Command::new(program)
            .args(words)
            .envs(self.variables())
            .timeout(SOON)
            .output()
            .expect("it runs")
    }
}

/// Some of Kerberos' programs are for administrators, and not on everybody's `PATH`.
fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin");
    path
}
