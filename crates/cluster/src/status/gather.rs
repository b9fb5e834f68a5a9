//! Queries every part of a cluster at once. Answers after the limit are ignored.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use chrono::Utc;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::hdfs::{self, Beans, Datanode, Journal, Listed, Namenode};
use super::kafka::Kafka;
use super::listing::ListedFile;
use super::matching::workers;
use super::overview::{Daemon, Listens, Overview, Probed, Server};
use super::ticket::sessions;
use super::webhdfs;
use super::yarn::{self, InfoPage, Node, NodesPage, Resourcemanager};
use crate::{Cluster, Host, Port, Role};
use heartline_kerberos::{UNREACHABLE, ask_for_first_ticket};
use heartline_observe::probe::{GRACE, Pages, Pending, Silence, ask, knock, left};
use heartline_observe::status::GroupSummary;
use heartline_observe::zkstats::{self, Facts};
use heartline_zookeeper::{Connector, Failure, Namespace, Settings};

/// A part counts as silent after this time.
const LIMIT: Duration = Duration::from_secs(2);
/// How long the first ticket is waited for, so that ZooKeeper is asked without one in time.
const FIRST_TICKET: Duration = Duration::from_millis(700);
/// The time between the two samples of heartline's members.
const OVER: Duration = Duration::from_millis(100);
/// How long closing the ZooKeeper session may take.
const CLOSE: Duration = Duration::from_millis(100);
/// The session timeout, which applies if the close is lost.
const SESSION: Duration = Duration::from_secs(6);

type Answer<T> = Pending<Result<T, Silence>>;
type Asked<'a, T> = Vec<(&'a Host, Option<String>, Answer<T>)>;

/// Queries all parts. `namespace` is that of heartline's members; `why_no_ticket` the reason if there is no ticket for
/// a secure cluster.
#[expect(
    clippy::too_many_lines,
    reason = "one branch for each part of a cluster"
)]
pub(super) fn gather(
    cluster: &Cluster,
    namespace: &Namespace,
    why_no_ticket: Option<&str>,
) -> Overview {
    let time = Utc::now();
    let end = Instant::now() + LIMIT.saturating_sub(GRACE);
    let has_ticket = cluster.is_secure() && why_no_ticket.is_none();
    let asking = Asking {
        cluster,
        pages: cluster.pages(),
        has_ticket,
        may_have_ticket: why_no_ticket.is_none(),
        end,
    };
    let (serving, serves) = mpsc::channel();
    let ensemble = asking.ensemble(&serving);
    drop(serving);
    let znodes = asking.znodes(serves, namespace.clone());
    let namenodes = asking.pages(
        Role::Namenode,
        Port::NamenodeHttp,
        hdfs::NAMENODE,
        |page: Beans| Namenode::of(&page),
    );
    let name = cluster.name.clone();
    let journalnodes = asking.pages(
        Role::Journalnode,
        Port::JournalnodeHttp,
        hdfs::JOURNALNODE,
        move |page: Beans| Journal::of(&page, &name),
    );
    let datanodes = asking.pages(
        Role::Datanode,
        Port::DatanodeHttp,
        hdfs::DATANODE,
        |page: Beans| Datanode::of(&page),
    );
    let managers = asking.pages(
        Role::Resourcemanager,
        Port::ResourcemanagerHttp,
        yarn::RESOURCEMANAGER,
        |page: InfoPage| Resourcemanager::of(page),
    );
    let nodes = asking.pages(
        Role::Resourcemanager,
        Port::ResourcemanagerHttp,
        yarn::NODES,
        |page: NodesPage| page.nodes(),
    );
    let nodemanagers = asking.pages(
        Role::Nodemanager,
        Port::NodemanagerHttp,
        yarn::NODEMANAGER,
        |_: Value| Listens { listens: true },
    );
    let kdcs = asking.knocks(Role::Kdc, Port::Kdc);
    let zkfcs = asking.knocks(Role::Zkfc, Port::Zkfc);
    let brokers = asking.knocks(Role::Kafka, Port::Kafka);
    let user = webhdfs::user(cluster);
    let roots = asking.may_have_ticket.then(|| {
        let question = move |pages: &Pages, place: &str, end| {
            webhdfs::root(pages, place, user.as_deref(), end)
        };
        asking.each(Role::Namenode, Port::NamenodeHttp, question)
    });

    let namenodes = parts(namenodes);
    let listed = listed_datanodes(&namenodes);
    let has_hdfs = !namenodes.is_empty();
    let root = roots.map(root);
    // A standby redirects to the active ResourceManager, which is queried too.
    let listed_nodes: Vec<Node> = nodes
        .into_iter()
        .find_map(|(_, _, pending)| pending.answer()?.ok())
        .unwrap_or_default();
    let znodes = znodes.answer().unwrap_or(Err(Silence::Slow));
    let znodes = znodes.unwrap_or_else(|silence| Znodes::unknown(&silence));
    Overview {
        cluster: cluster.name.clone(),
        time,
        voters: cluster.with(Role::Zookeeper).count(),
        no_ticket: why_no_ticket.map(str::to_owned).or(znodes.no_ticket),
        kdcs: parts(kdcs),
        ensemble: parts(ensemble),
        namenodes,
        zkfcs: parts(zkfcs),
        journalnodes: parts(journalnodes),
        datanodes: workers(cluster, Port::Datanode, parts(datanodes), listed),
        resourcemanagers: parts(managers),
        nodemanagers: workers(
            cluster,
            Port::Nodemanager,
            parts(nodemanagers),
            listed_nodes,
        ),
        brokers: parts(brokers),
        kafka: cluster.with(Role::Kafka).next().map(|_| znodes.kafka),
        heartline: znodes.heartline,
        root: root.filter(|_| has_hdfs),
    }
}

struct Asking<'a> {
    cluster: &'a Cluster,
    pages: Pages,
    /// Whether ZooKeeper is asked with a ticket.
    has_ticket: bool,
    /// Whether there can be a ticket for a page that asks for one: for hosts of their own, whoever asks may have one.
    may_have_ticket: bool,
    end: Instant,
}

impl<'a> Asking<'a> {
    /// Queries every host with a role, on one of its ports.
    fn each<T: Send + 'static>(
        &self,
        role: Role,
        port: Port,
        question: impl Fn(&Pages, &str, Instant) -> Result<T, Silence> + Clone + Send + 'static,
    ) -> Asked<'a, T> {
        let hosts = self.cluster.with(role).zip(1..);
        let asked = hosts.map(|(host, number)| {
            let id = role.id(host, number);
            let (place, end, question) = (host.reached(port), self.end, question.clone());
            let pages = if self.may_have_ticket {
                self.pages.with_ticket_for(&host.called)
            } else {
                self.pages.without_ticket()
            };
            (host, id, ask(end, move || question(&pages, &place, end)))
        });
        asked.collect()
    }

    fn pages<P: DeserializeOwned, T: Send + 'static>(
        &self,
        role: Role,
        port: Port,
        path: &'static str,
        parse: impl Fn(P) -> T + Clone + Send + 'static,
    ) -> Asked<'a, T> {
        self.each(role, port, move |pages, place, end| {
            pages.page(&format!("{place}/{path}"), end).map(&parse)
        })
    }

    fn knocks(&self, role: Role, port: Port) -> Asked<'a, Listens> {
        self.each(role, port, |_, place, end| {
            knock(place, end).map(|()| Listens { listens: true })
        })
    }

    /// Queries the ensemble's servers; the address of each serving one goes to `serving` as soon as it has answered.
    fn ensemble(&self, serving: &Sender<String>) -> Asked<'a, Server> {
        let asked = self.cluster.ensemble().map(|host| {
            let server = zkstats::Server {
                host: host.address.clone(),
                port: host.port(Port::Zookeeper),
                admin_port: host.port(Port::ZookeeperAdmin),
                tls: None,
                pages: Pages::default(),
            };
            let observes = host.is(Role::Observer);
            let (place, end, serving) = (host.reached(Port::Zookeeper), self.end, serving.clone());
            let pending = ask(end, move || {
                let facts = server.ask(false, end);
                if facts.is_serving() {
                    // The receiver is gone once one server was enough.
                    let _ = serving.send(place);
                }
                answered(facts).map(|facts| Server { observes, facts })
            });
            (host, None, pending)
        });
        asked.collect()
    }

    /// Reads the znodes through the first server that serves.
    fn znodes(&self, serves: Receiver<String>, namespace: Namespace) -> Answer<Znodes> {
        let (end, has_ticket) = (self.end, self.has_ticket);
        // The questions to the pages get it at the same time.
        let first = has_ticket.then(|| ask(Instant::now() + FIRST_TICKET, ask_for_first_ticket));
        ask(end, move || {
            let Ok(place) = serves.recv_timeout(left(end)) else {
                return Err(Silence::Broken("ZooKeeper does not serve".to_owned()));
            };
            let is_late = first.is_some_and(|first| first.answer() != Some(true));
            let has_ticket = has_ticket && !is_late;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let read = runtime.block_on(async {
                // The timeout needs the runtime's clock, so it is created within the runtime.
                timeout(left(end), znodes(&place, namespace, has_ticket)).await
            });
            let why = is_late.then(|| format!("the KDC does not answer in time: {UNREACHABLE}"));
            let mut read = read.unwrap_or_else(|_| {
                Znodes::unknown(&Silence::Broken("ZooKeeper does not answer".to_owned()))
            });
            read.no_ticket = why.or(read.no_ticket);
            Ok(read)
        })
    }
}

struct Znodes {
    /// Why they were read without a ticket, although there should be one.
    no_ticket: Option<String>,
    kafka: Probed<Kafka>,
    heartline: Probed<GroupSummary>,
}

impl Znodes {
    fn unknown(silence: &Silence) -> Self {
        Self {
            no_ticket: None,
            kafka: Probed::unknown(silence.to_string()),
            heartline: Probed::unknown(silence.to_string()),
        }
    }
}

/// The failure of the attempt with a ticket, unless the one without failed by the same: then it is not the ticket's fault.
fn of_ticket(first: Option<String>, second: &str) -> Option<String> {
    first.filter(|first| first != second)
}

async fn znodes(place: &str, namespace: Namespace, has_ticket: bool) -> Znodes {
    let broken = |why: String| Silence::Broken(format!("ZooKeeper at {place}: {why}"));
    let address = match place.parse() {
        Ok(address) => address,
        Err(why) => return Znodes::unknown(&broken(why)),
    };
    let mut settings = Settings {
        address,
        namespace,
        session_timeout: SESSION,
        security: sessions(has_ticket),
    };
    let mut session = Connector::new(settings.clone())
        .of_any_age()
        .attempt()
        .await;
    let mut no_ticket = None;
    if let Some(why) = session.as_ref().err().filter(|_| has_ticket) {
        no_ticket = Some(why.to_string());
        settings.security = sessions(false);
        session = Connector::new(settings).of_any_age().attempt().await;
    }
    let session = match session {
        Ok(session) => session,
        Err(why) => {
            let why = why.to_string();
            return Znodes {
                no_ticket: of_ticket(no_ticket, &why),
                ..Znodes::unknown(&broken(why))
            };
        }
    };
    let (kafka, heartline) =
        tokio::join!(Kafka::read(&session), GroupSummary::read(&session, OVER));
    session.close(CLOSE).await;
    let failed = |failure: Failure| broken(failure.to_string());
    Znodes {
        no_ticket,
        kafka: Probed::of(Some(kafka.map_err(failed))),
        heartline: Probed::of(Some(heartline.map_err(failed))),
    }
}

/// A server that reports no data about itself counts as silent.
fn answered(facts: Facts) -> Result<Facts, Silence> {
    match (&facts.mode, &facts.problem) {
        (None, Some(problem)) => Err(Silence::Broken(problem.clone())),
        _ => Ok(facts),
    }
}

fn parts<T>(asked: Asked<'_, T>) -> Vec<Daemon<T>> {
    let part = |(host, id, pending): (&Host, Option<String>, Answer<T>)| Daemon {
        host: host.name.clone(),
        id,
        reply: Probed::of(pending.answer()),
    };
    asked.into_iter().map(part).collect()
}

/// The `DataNode`s as the active NameNode lists them; without an active one, as another lists them.
fn listed_datanodes(namenodes: &[Daemon<Namenode>]) -> Vec<Listed> {
    let known = || namenodes.iter().filter_map(|part| part.reply.known());
    let active = known().find(|namenode| namenode.is_active());
    let namenode = active.or_else(|| known().find(|namenode| !namenode.datanodes.is_empty()));
    namenode.map_or_else(Vec::new, |namenode| namenode.datanodes.clone())
}

/// The listing of HDFS's root by the NameNode that returns one (a standby does not), or else the reasons of all of
/// them.
fn root(asked: Asked<'_, Vec<ListedFile>>) -> Probed<Vec<ListedFile>> {
    let mut problems = Vec::new();
    for (host, id, pending) in asked {
        match Probed::of(pending.answer()) {
            Probed::Unknown { problem, .. } => {
                let id = id.unwrap_or_default();
                problems.push(format!("{id} on {}: {problem}", host.name));
            }
            known @ Probed::Known(_) => return known,
        }
    }
    Probed::unknown(problems.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_with_a_ticket_and_without_is_no_matter_of_tickets() {
        let gone = || "nothing listens on 127.0.0.1:2181".to_owned();
        let no_ticket = || Some("no Kerberos ticket for zookeeper/127.0.0.1".to_owned());
        assert_eq!(of_ticket(Some(gone()), &gone()), None);
        assert_eq!(of_ticket(no_ticket(), &gone()), no_ticket());
        assert_eq!(of_ticket(None, &gone()), None);
    }

    #[test]
    fn a_server_that_is_gone_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        drop(listener);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        // Whether this machine has a ticket does not matter.
        let read = runtime.block_on(znodes(&place, Namespace::default(), true));
        assert!(
            matches!(read.heartline, Probed::Unknown { problem, .. } if problem.contains(&place))
        );
    }
}
