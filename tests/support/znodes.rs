//! The znodes of a test's server, read by a session of the test's own.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use heartline::coordination::client::{Access, AclEntry, Kind, right};
use heartline::coordination::{Failure, Opener, RealServers, Security, Session, Settings};
use heartline::protocol::claim::{holder, in_order};
use zookeeper_client::{Acl, Acls, Client, CreateMode, Error, Permission};

use super::{SOON, ZooKeeper, wait_until};

impl ZooKeeper {
    /// A znode's value.
    pub(crate) fn znode(&self, path: &str) -> String {
        self.read(path)
            .unwrap_or_else(|| panic!("{path} does not exist"))
    }

    /// Whether a znode exists.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.read(path).is_some()
    }

    /// Waits until there are no members and no claims.
    pub(crate) fn wait_until_empty(&self) {
        wait_until("nobody is a member", Duration::from_secs(20), || {
            self.visit(async |session| {
                let (members, _) = session.members().await.expect("the server answers");
                let claims = session.line(true).await.expect("the server answers");
                members.is_empty() && claims.is_empty()
            })
        });
    }

    /// Waits until a member of this name has a claim in the line.
    pub(crate) fn wait_until_in_line(&self, name: &str) {
        wait_until("it stands in line", Duration::from_secs(20), || {
            self.holders().iter().any(|holder| holder == name)
        });
    }

    /// The owners of the claims in the line, the first one first.
    pub(crate) fn holders(&self) -> Vec<String> {
        self.visit(async |session| {
            let line = session.line(true).await.expect("the server answers");
            let mut holders = Vec::new();
            for claim in in_order(&line) {
                // A claim that has gone meanwhile does not count.
                if let Ok((value, _)) = session.read(&session.paths().claim(claim)).await {
                    holders.push(holder(&value.bytes));
                }
            }
            holders
        })
    }

    /// Sets a znode's value, whatever that is.
    pub(crate) fn set(&self, path: &str, value: &[u8]) {
        self.visit(async |session| {
            let set = session.client().set(path, value, None).await;
            set.unwrap_or_else(|failure| panic!("{path}: {failure}"));
        });
    }

    /// Creates persistent znodes right below another one, all with the same value.
    pub(crate) fn create_many(&self, above: &str, names: &[String], value: &[u8]) {
        self.visit(async |session| {
            let client = session.client();
            let paths = names.iter().map(|name| format!("{above}/{name}"));
            let made =
                paths.map(|path| client.create(&path, value, Kind::Persistent, Access::Shared));
            for made in join_all(made).await {
                made.expect("they do not exist");
            }
        });
    }

    /// Creates a znode that belongs to no session and that no client may read.
    pub(crate) fn create_unreadable(&self, path: &str, value: &str) {
        const RIGHTS: &[Acl] = &[
            Acl::new_const(Permission::WRITE, "world", "anyone"),
            Acl::new_const(Permission::ADMIN, "world", "anyone"),
        ];
        self.create(path, value, Acls::from(RIGHTS));
    }

    /// Lets every client use a znode of [`Self::create_unreadable`].
    pub(crate) fn make_readable(&self, path: &str) {
        self.with_client(async |client| {
            let rights = [Acl::new_const(Permission::ALL, "world", "anyone")];
            let set = client.set_acl(path, &rights, None).await;
            set.expect("it may be set");
        });
    }

    /// Creates a znode that belongs to no session and that no client may write.
    pub(crate) fn create_unwritable(&self, path: &str, value: &str) {
        const RIGHTS: &[Acl] = &[Acl::new_const(Permission::READ, "world", "anyone")];
        self.create(path, value, Acls::from(RIGHTS));
    }

    /// Creates a znode that belongs to no session.
    pub(crate) fn create_lasting(&self, path: &str, value: &str) {
        self.create(path, value, Acls::anyone_all());
    }

    fn create(&self, path: &str, value: &str, rights: Acls<'static>) {
        self.with_client(async |client| {
            let options = CreateMode::Persistent.with_acls(rights);
            let end = Instant::now() + SOON;
            loop {
                match client.create(path, value.as_bytes(), &options).await {
                    // Another program may be about to create the parent znode.
                    Err(Error::NoNode) if Instant::now() < end => {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    created => break created.expect("it does not exist"),
                }
            }
        });
    }

    /// Runs `work` with a client of its own, for what heartline's own sessions cannot do.
    fn with_client<T>(&self, work: impl AsyncFnOnce(Client) -> T) -> T {
        block_on(async {
            let client = Client::connect(&self.address()).await;
            work(client.expect("the server answers")).await
        })
    }

    fn read(&self, path: &str) -> Option<String> {
        self.visit(async |session| match session.read(path).await {
            Ok((value, _)) => Some(String::from_utf8_lossy(&value.bytes).into_owned()),
            Err(Failure::NoNode) => None,
            Err(failure) => panic!("{path}: {failure}"),
        })
    }

    /// Runs `work` in a new session.
    pub(crate) fn visit<T>(&self, work: impl AsyncFnOnce(&Session) -> T) -> T {
        visit(&self.address(), work).expect("the server answers")
    }
}

/// Runs `work` in a new session with the servers, and below the chroot, of `address`; `None` if none serves.
pub(crate) fn visit<T>(address: &str, work: impl AsyncFnOnce(&Session) -> T) -> Option<T> {
    visit_as(&Security::default(), address, work)
}

/// The same with credentials.
pub(crate) fn visit_as<T>(
    security: &Security,
    address: &str,
    work: impl AsyncFnOnce(&Session) -> T,
) -> Option<T> {
    block_on(async {
        let settings = Settings {
            address: address.parse().expect("an address"),
            namespace: "/".parse().expect("a path"),
            session_timeout: Duration::from_secs(10),
            security: security.clone(),
        };
        let session = RealServers.open(&settings).await.ok()?;
        let outcome = work(&session).await;
        let ended = session.close(Duration::from_secs(5)).await;
        ended.then_some(outcome)
    })
}

/// Checks that each znode from `root` down lets this identity (as `sasl:job`) do everything, and others read at most;
/// returns their paths.
pub(crate) async fn assert_closed(session: &Session, root: &str, own: &str) -> Vec<String> {
    let mut waiting = vec![root.to_owned()];
    let mut paths = Vec::new();
    while let Some(path) = waiting.pop() {
        // One that has gone meanwhile does not count.
        let Ok(acl) = session.client().acl(&path).await else {
            continue;
        };
        let is_own = |entry: &AclEntry| entry.to_string().starts_with(own);
        let may_all = |entry: &AclEntry| is_own(entry) && entry.rights == right::ALL;
        assert!(acl.iter().any(may_all), "{path}: {acl:?}");
        let reads = |entry: &AclEntry| is_own(entry) || entry.rights == right::READ;
        assert!(acl.iter().all(reads), "{path}: {acl:?}");
        let names = session.client().children(&path).await.unwrap_or_default();
        waiting.extend(names.iter().map(|name| format!("{path}/{name}")));
        paths.push(path);
    }
    paths.sort();
    paths
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}
