//! Executes the requests of a session, each in its own task, and returns the replies.

use std::future::pending;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::claim::ZnodeState;
use super::roster::Worker;
use heartline_process::supervisor::boot_time;
use heartline_zookeeper::client::{Access, Change, Kind, Operation};
use heartline_zookeeper::{Failure, Namespace, Session, unless_throttled};

/// The pause after a refused request before it is sent again.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// The same pause after an unexpected answer.
const ODD_PAUSE: Duration = Duration::from_secs(1);
/// The number of workers that are read at once.
const AT_ONCE: usize = 64;

/// The reply to a request; the first number is the request's generation.
#[derive(Debug)]
pub(super) enum ZnodeReply {
    /// The znode was created, with this zxid, by a request that was sent at this time; or, if `None`, it existed
    /// already.
    Created(u64, Option<(i64, Duration)>),
    /// The znode's current state; `None` if it does not exist.
    Looked(u64, Option<ZnodeState>),
    /// The watched znode has changed.
    Changed(u64),
    /// A write that was sent at this time succeeded.
    Proven(Duration),
    /// The znode does not exist.
    Missing,
    /// A proof got no usable answer.
    Unproven,
    /// The current workers.
    Workers(Vec<Worker>),
    /// ZooKeeper refused a request for this path, for this reason.
    Refused(String, String),
    /// The worker's znode at this path cannot be read, for this reason.
    PassedOver(String, String),
}

/// Sends the requests of one session.
#[derive(Clone, Debug)]
pub(super) struct ZnodeRequests {
    pub(super) session: Session,
    pub(super) inbox: Sender<ZnodeReply>,
}

impl ZnodeRequests {
    /// Creates the znode and its missing parents.
    pub(super) async fn create(self, generation: u64, path: String, value: String) {
        loop {
            let sent = boot_time();
            let client = self.session.client();
            let created = client.create(&path, value.as_bytes(), Kind::Ephemeral, Access::Shared);
            let answer = match created.await {
                Ok((_, stat)) => Some((stat.created, sent)),
                Err(Failure::NodeExists) => None,
                Err(Failure::NoNode) => {
                    let above = path.rsplit_once('/').map_or("", |(above, _)| above);
                    match self.ensure(above).await {
                        Err(failure) if !self.may_try_again(above, failure.clone()).await => return,
                        _ => continue,
                    }
                }
                Err(failure) if self.may_try_again(&path, failure.clone()).await => continue,
                Err(_) => return,
            };
            return self.bring(ZnodeReply::Created(generation, answer)).await;
        }
    }

    /// Reads the znode, and reports when it has changed.
    pub(super) async fn look(self, generation: u64, path: String) {
        loop {
            match self.session.read(&path).await {
                Ok((value, change)) => {
                    let seen = ZnodeState {
                        owner: value.stat.owner,
                        created: value.stat.created,
                        value: String::from_utf8_lossy(&value.bytes).into_owned(),
                    };
                    self.bring(ZnodeReply::Looked(generation, Some(seen))).await;
                    if change.await.is_ok() {
                        self.bring(ZnodeReply::Changed(generation)).await;
                    }
                    return;
                }
                Err(Failure::NoNode) => {
                    return self.bring(ZnodeReply::Looked(generation, None)).await;
                }
                Err(failure) if self.may_try_again(&path, failure.clone()).await => {}
                Err(_) => return,
            }
        }
    }

    /// Proves that the session is alive: by a transaction that needs the quorum and changes nothing, so that no watch
    /// fires.
    pub(super) async fn prove(self, path: String) {
        let sent = boot_time();
        let check = vec![Operation::Check {
            path,
            version: None,
        }];
        let answer = match self.session.client().transaction(check).await {
            Ok(()) => ZnodeReply::Proven(sent),
            Err(refusal) if refusal.failure == Failure::NoNode => ZnodeReply::Missing,
            Err(_) => ZnodeReply::Unproven,
        };
        self.bring(answer).await;
    }

    /// Reports the workers, now and after each change.
    pub(super) async fn follow_workers(self, path: String) {
        loop {
            let failure = match self.session.client().children_and_watch(&path).await {
                Ok((names, _, change)) => match self.report_workers(&path, &names, change).await {
                    Ok(()) => continue,
                    Err(failure) => failure,
                },
                Err(Failure::NoNode) => match self.ensure(&path).await {
                    Ok(()) => continue,
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            if !self.may_try_again(&path, failure).await {
                return;
            }
        }
    }

    /// Reports these workers until their list changes. Those that cannot be read are read again from time to time: the
    /// watch on the list does not report that their ACL was corrected.
    async fn report_workers(
        &self,
        path: &str,
        names: &[String],
        mut change: Change,
    ) -> Result<(), Failure> {
        loop {
            let workers = self.workers(path, names.to_vec()).await?;
            let is_whole = workers.iter().all(Option::is_some);
            let workers = workers.into_iter().flatten().collect();
            self.bring(ZnodeReply::Workers(workers)).await;
            let pause = async {
                if is_whole {
                    pending::<()>().await;
                }
                sleep(REFUSED_PAUSE).await;
            };
            tokio::select! {
                changed = &mut change => return changed.map(drop),
                () = pause => {}
            }
        }
    }

    /// The workers with these names; `None` for one that has left or cannot be read.
    async fn workers(
        &self,
        path: &str,
        names: Vec<String>,
    ) -> Result<Vec<Option<Worker>>, Failure> {
        let reads = names.into_iter().map(async |node| {
            let path = format!("{path}/{node}");
            // The watch on the list also reports a worker that has left since.
            let value = match unless_throttled(|| self.session.find(&path)).await {
                Ok(None) => return Ok(None),
                Ok(Some(value)) => value,
                // It costs this worker alone.
                Err(Failure::Refused(why)) => {
                    self.bring(ZnodeReply::PassedOver(path, why)).await;
                    return Ok(None);
                }
                Err(failure) => return Err(failure),
            };
            Ok(Some(Worker {
                node,
                address: String::from_utf8_lossy(&value.bytes).into_owned(),
                created: value.stat.created,
            }))
        });
        let reads = stream::iter(reads).buffer_unordered(AT_ONCE);
        reads.try_collect().await
    }

    /// Creates a persistent znode and its parents, as far as they are missing.
    async fn ensure(&self, path: &str) -> Result<(), Failure> {
        let Ok(path) = path.parse::<Namespace>() else {
            return Ok(());
        };
        for above in path.ancestry() {
            let created =
                self.session
                    .client()
                    .create(above, b"", Kind::Persistent, Access::Shared);
            match created.await {
                Ok(_) | Err(Failure::NodeExists) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Pauses after a failure that may be temporary; returns `false` if this connection is of no use any more: the next
    /// one repeats the request.
    async fn may_try_again(&self, path: &str, failure: Failure) -> bool {
        let pause = match failure {
            Failure::Lost => return false,
            Failure::Refused(_) => REFUSED_PAUSE,
            _ => ODD_PAUSE,
        };
        let (path, why) = (path.to_owned(), failure.to_string());
        self.bring(ZnodeReply::Refused(path, why)).await;
        sleep(pause).await;
        true
    }

    async fn bring(&self, answer: ZnodeReply) {
        // The session may have been closed meanwhile.
        let _ = self.inbox.send(answer).await;
    }
}
