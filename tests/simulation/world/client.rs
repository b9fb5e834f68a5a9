//! The port over the simulated ensemble.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use heartline::coordination::client::{
    Access, AclEntry, Change, Client, Kind, Operation, Refusal, Reply, States, right,
};
use heartline::coordination::{Connection, Failure, Stat};
use tokio::sync::{oneshot, watch};

use super::{Millis, World};
use crate::ensemble::request::{Answer, Request, refuse};

/// A client of the simulated ensemble.
#[derive(Debug)]
pub(crate) struct SimClient(Arc<Handle>);

/// What the client and each of its unanswered requests hold on to.
#[derive(Debug)]
struct Handle {
    world: World,
    peer: usize,
    session: i64,
    timeout: Duration,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.world.lock().close_peer(self.peer);
    }
}

impl SimClient {
    /// Opens a session as a process of the world.
    pub(crate) async fn open(
        world: World,
        process: usize,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let millis = Millis::try_from(timeout.as_millis()).expect("a short session");
        let (peer, opened) = world.lock().open(process, millis);
        // If nobody waits for it any more, the session ends by its timeout.
        let session = opened.await.unwrap_or(Err(Failure::Lost))?;
        Ok(Self(Arc::new(Handle {
            world,
            peer,
            session,
            timeout,
        })))
    }

    fn ask<T: 'static, E: From<Refusal> + 'static>(
        &self,
        request: Request,
        take: impl FnOnce(Answer, Option<oneshot::Receiver<bool>>) -> T + Send + 'static,
    ) -> Reply<T, E> {
        let handle = Arc::clone(&self.0);
        Box::pin(async move {
            let answer = handle.world.lock().ask(handle.peer, request);
            match answer.await {
                Ok(Ok((answer, watch))) => Ok(take(answer, watch)),
                Ok(Err(refusal)) => Err(refusal.into()),
                Err(_) => Err(refuse(Failure::Lost).into()),
            }
        })
    }
}

fn change(watch: Option<oneshot::Receiver<bool>>) -> Change {
    let watch = watch.expect("a watch was asked for");
    Box::pin(async move { watch.await.map_err(|_| Failure::Lost) })
}

fn odd<T>(answer: &Answer) -> T {
    panic!("no answer to this request: {answer:?}")
}

impl Client for SimClient {
    fn session(&self) -> i64 {
        self.0.session
    }

    fn session_timeout(&self) -> Duration {
        self.0.timeout
    }

    fn states(&self) -> Box<dyn States> {
        let world = self.0.world.lock();
        Box::new(SimStates(world.peers[self.0.peer].states.subscribe()))
    }

    /// The simulated ensemble knows no identities: each znode is everybody's.
    fn acl(&self, _: &str) -> Reply<Vec<AclEntry>> {
        let everybody = AclEntry {
            rights: right::ALL,
            scheme: "world".to_owned(),
            id: "anyone".to_owned(),
        };
        Box::pin(async { Ok(vec![everybody]) })
    }

    fn set_acl(&self, _: &str, _: Access) -> Reply<()> {
        Box::pin(async { Ok(()) })
    }

    fn create(&self, path: &str, value: &[u8], kind: Kind, _: Access) -> Reply<(String, Stat)> {
        let (path, value) = (path.to_owned(), value.to_vec());
        let request = Request::Create { path, value, kind };
        self.ask(request, |answer, _| match answer {
            Answer::Created(path, stat) => (path, stat),
            other => odd(&other),
        })
    }

    fn delete(&self, path: &str, version: Option<i32>) -> Reply<()> {
        let path = path.to_owned();
        self.ask(Request::Delete { path, version }, |_, _| ())
    }

    fn set(&self, path: &str, value: &[u8], version: Option<i32>) -> Reply<Stat> {
        let (path, value) = (path.to_owned(), value.to_vec());
        let request = Request::Set {
            path,
            value,
            version,
        };
        self.ask(request, |answer, _| match answer {
            Answer::Set(stat) => stat,
            other => odd(&other),
        })
    }

    fn get(&self, path: &str) -> Reply<(Vec<u8>, Stat)> {
        let (path, watch) = (path.to_owned(), false);
        self.ask(Request::Get { path, watch }, |answer, _| match answer {
            Answer::Value(value, stat) => (value, stat),
            other => odd(&other),
        })
    }

    fn get_and_watch(&self, path: &str) -> Reply<(Vec<u8>, Stat, Change)> {
        let (path, watch) = (path.to_owned(), true);
        self.ask(Request::Get { path, watch }, |answer, watch| match answer {
            Answer::Value(value, stat) => (value, stat, change(watch)),
            other => odd(&other),
        })
    }

    fn stat(&self, path: &str) -> Reply<Option<Stat>> {
        let (path, watch) = (path.to_owned(), false);
        self.ask(Request::Stat { path, watch }, |answer, _| match answer {
            Answer::Found(stat) => stat,
            other => odd(&other),
        })
    }

    fn stat_and_watch(&self, path: &str) -> Reply<(Option<Stat>, Change)> {
        let (path, watch) = (path.to_owned(), true);
        let request = Request::Stat { path, watch };
        self.ask(request, |answer, watch| match answer {
            Answer::Found(stat) => (stat, change(watch)),
            other => odd(&other),
        })
    }

    fn children(&self, path: &str) -> Reply<Vec<String>> {
        let (path, watch) = (path.to_owned(), false);
        let request = Request::Children { path, watch };
        self.ask(request, |answer, _| match answer {
            Answer::Names(names, _) => names,
            other => odd(&other),
        })
    }

    fn children_and_watch(&self, path: &str) -> Reply<(Vec<String>, Stat, Change)> {
        let (path, watch) = (path.to_owned(), true);
        let request = Request::Children { path, watch };
        self.ask(request, |answer, watch| match answer {
            Answer::Names(names, stat) => (names, stat, change(watch)),
            other => odd(&other),
        })
    }

    fn sync(&self, _path: &str) -> Reply<()> {
        self.ask(Request::Sync, |_, _| ())
    }

    fn transaction(&self, operations: Vec<Operation>) -> Reply<(), Refusal> {
        self.ask(Request::Transaction(operations), |_, _| ())
    }
}

#[derive(Debug)]
struct SimStates(watch::Receiver<Connection>);

impl States for SimStates {
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = Connection> + Send + '_>> {
        Box::pin(async {
            // The world outlives its members, so this is pending for ever after the last change.
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            *self.0.borrow_and_update()
        })
    }

    fn is_over(&mut self) -> bool {
        *self.0.borrow() == Connection::Ended
    }
}
