//! The state in ZooKeeper: a znode for each node, below one that tells who is master. Only the server that holds the
//! claim can write there: each write is a transaction that checks it.
//!
//! What is read is believed, so each value is marked with the cluster's secret, if there is one: who can write to
//! ZooKeeper, but does not know it, cannot put a key into every `authorized_keys`.

use std::collections::BTreeMap;
use std::io;
use std::mem::take;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::fields::HostName;
use super::seal::Secret;
use super::state::{Kept, KeptNode};
use crate::coordination::client::{Kind, Operation};
use crate::coordination::{Failure, Fence, Session};

/// Below the namespace of the servers.
const FOLDER: &str = "nodes";
/// So much is written at once: a ZooKeeper server takes 1 MiB.
const BATCH: usize = 256 << 10;
/// So many znodes are asked for at once.
const AT_ONCE: usize = 64;

/// The values of znodes: that of the folder has the empty name.
pub(super) type Values = BTreeMap<String, Vec<u8>>;

/// What the folder itself says.
#[derive(Debug, Serialize, Deserialize)]
struct Front {
    form: u32,
    master: Option<HostName>,
}

/// The znodes, as one master may write them.
#[derive(Debug)]
pub(super) struct Shelf {
    fence: Fence,
    secret: Option<Secret>,
    /// What they say; none if that is not certain.
    known: Mutex<Option<Values>>,
}

impl Shelf {
    pub(super) fn new(fence: Fence, secret: Option<Secret>) -> Self {
        Self {
            fence,
            secret,
            known: Mutex::new(None),
        }
    }

    /// What they say; nothing if they are not there.
    pub(super) async fn load(&self) -> anyhow::Result<Kept> {
        let (values, kept) = look(self.fence.session(), self.secret.as_ref()).await?;
        *self.known.lock().await = Some(values);
        Ok(kept)
    }

    /// Makes them say this.
    pub(super) async fn save(&self, kept: &Kept) -> io::Result<()> {
        let wanted = written(kept, self.secret.as_ref());
        let mut known = self.known.lock().await;
        let before = match known.take() {
            Some(before) => before,
            None => fetch(self.fence.session())
                .await
                .map_err(io::Error::other)?,
        };
        for batch in batches(&folder(self.fence.session()), &before, &wanted) {
            let made = self.fence.make(batch).await;
            made.map_err(|refusal| io::Error::other(refusal.failure))?;
        }
        *known = Some(wanted);
        Ok(())
    }
}

/// What the znodes say, and what that means. Whoever reads it needs no claim. A [`Failure`] is one of ZooKeeper; after
/// any other error it is no use to read again.
pub(super) async fn look(
    session: &Session,
    secret: Option<&Secret>,
) -> anyhow::Result<(Values, Kept)> {
    let values = fetch(session).await?;
    let kept = read(&values, secret).with_context(|| {
        let folder = folder(session);
        format!(
            "ZooKeeper's {folder} cannot be believed; is --secret-file the same as the other servers'? If it is, \
             somebody else has written there: remove that znode and what is below it, and every agent registers again"
        )
    })?;
    Ok((values, kept))
}

fn folder(session: &Session) -> String {
    format!("{}/{FOLDER}", session.paths().namespace())
}

/// All that is there, with what any server has acknowledged.
async fn fetch(session: &Session) -> Result<Values, Failure> {
    let folder = folder(session);
    session.client().sync(&folder).await?;
    let Some(front) = session.find(&folder).await? else {
        return Ok(Values::new());
    };
    let names = session.client().children(&folder).await?;
    let values = stream::iter(names).map(async |name| {
        let found = session.find(&format!("{folder}/{name}")).await;
        found.map(|found| found.map(|value| (name, value.bytes)))
    });
    let values: Vec<_> = values.buffer_unordered(AT_ONCE).try_collect().await?;
    let front = (String::new(), front.bytes);
    Ok(values.into_iter().flatten().chain([front]).collect())
}

/// What the znodes are to say.
fn written(kept: &Kept, secret: Option<&Secret>) -> Values {
    let front = Front {
        form: kept.form,
        master: kept.master.clone(),
    };
    let front = (String::new(), serde_json::to_vec(&front));
    let nodes = kept.nodes.iter();
    let nodes = nodes.map(|node| (node.hostname.to_string(), serde_json::to_vec(node)));
    let values = nodes.chain([front]).map(|(name, text)| {
        let mut text = text.unwrap_or_default();
        if let Some(secret) = secret {
            let mark = secret.mark(&name, &text);
            text.push(b'\n');
            text.extend(mark.into_bytes());
        }
        (name, text)
    });
    values.collect()
}

/// What the znodes say.
fn read(values: &Values, secret: Option<&Secret>) -> anyhow::Result<Kept> {
    let mut kept = Kept::default();
    for (name, value) in values {
        let shown = || format!("'{}'", name.escape_debug());
        let text = match secret {
            None => value
                .split(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default(),
            Some(secret) => secret.unmarked(name, value).with_context(shown)?,
        };
        if name.is_empty() {
            let front: Front = serde_json::from_slice(text).with_context(shown)?;
            kept.form = front.form;
            kept.master = front.master;
        } else {
            let node: KeptNode = serde_json::from_slice(text).with_context(shown)?;
            if node.hostname.as_str() != name {
                anyhow::bail!("{} is that of {}", shown(), node.hostname);
            }
            kept.nodes.push(node);
        }
    }
    kept.checked()
}

/// The transactions that turn what is said `before` into what is `wanted`. An address is taken from one node before
/// another one gets it.
fn batches(folder: &str, before: &Values, wanted: &Values) -> Vec<Vec<Operation>> {
    let path = |name: &str| match name {
        "" => folder.to_owned(),
        name => format!("{folder}/{name}"),
    };
    let gone = before.keys().filter(|name| !wanted.contains_key(*name));
    let gone = gone.map(|name| Operation::Delete {
        path: path(name),
        version: None,
    });
    let changed = wanted
        .iter()
        .filter(|(name, value)| before.get(*name).is_some_and(|before| before != *value));
    let changed = changed.map(|(name, value)| Operation::Set {
        path: path(name),
        value: value.clone(),
        version: None,
    });
    let new = wanted
        .iter()
        .filter(|(name, _)| !before.contains_key(*name));
    let new = new.map(|(name, value)| Operation::Create {
        path: path(name),
        value: value.clone(),
        kind: Kind::Persistent,
    });
    let (mut batches, mut batch, mut size) = (Vec::new(), Vec::new(), 0);
    for operation in gone.chain(changed).chain(new) {
        let length = weight(&operation);
        if size + length > BATCH && !batch.is_empty() {
            batches.push(take(&mut batch));
            size = 0;
        }
        size += length;
        batch.push(operation);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// How long an operation is on its way, and a little more.
fn weight(operation: &Operation) -> usize {
    const REST: usize = 64;
    match operation {
        Operation::Check { path, .. } | Operation::Delete { path, .. } => path.len() + REST,
        Operation::Create { path, value, .. } | Operation::Set { path, value, .. } => {
            path.len() + value.len() + REST
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::kept;
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes()).expect("long enough")
    }

    /// What is said when these transactions are made.
    fn applied(mut values: Values, batches: Vec<Vec<Operation>>) -> Values {
        let name = |path: &str| {
            path.strip_prefix("/f")
                .map(|rest| rest.trim_start_matches('/').to_owned())
                .expect("below")
        };
        for operation in batches.into_iter().flatten() {
            match operation {
                Operation::Check { .. } => panic!("the fence checks"),
                Operation::Create { path, value, .. } => {
                    assert!(
                        values.insert(name(&path), value).is_none(),
                        "{path} is there"
                    );
                }
                Operation::Set { path, value, .. } => {
                    assert!(
                        values.insert(name(&path), value).is_some(),
                        "{path} is not there"
                    );
                }
                Operation::Delete { path, .. } => {
                    assert!(values.remove(&name(&path)).is_some(), "{path} is not there");
                }
            }
        }
        values
    }

    #[test]
    fn what_is_written_is_read_again() {
        let kept = kept(&["m1", "a2", "b3"]);
        for secret in [None, Some(&secret("0123456789abcdef"))] {
            let values = written(&kept, secret);
            assert_eq!(read(&values, secret).expect("whole"), kept);
        }
        assert_eq!(
            read(&Values::new(), None).expect("nothing"),
            Kept::default()
        );
    }

    #[test]
    fn only_what_differs_is_written() {
        let (one, other) = (kept(&["m1", "a2", "b3"]), kept(&["m1", "c2", "b3", "d4"]));
        let (one, other) = (written(&one, None), written(&other, None));
        let between = batches("/f", &one, &other);
        assert_eq!(between.iter().flatten().count(), 3, "{between:?}");
        assert_eq!(applied(one.clone(), between), other);
        assert!(batches("/f", &one, &one).is_empty());
        let all = batches("/f", &Values::new(), &one);
        assert!(
            matches!(&all[0][0], Operation::Create { path, .. } if path == "/f"),
            "the folder first"
        );
        assert_eq!(applied(Values::new(), all), one);
        assert_eq!(
            applied(one.clone(), batches("/f", &one, &Values::new())),
            Values::new()
        );
    }

    #[test]
    fn no_transaction_is_too_long() {
        let values: Values = (0..1000)
            .map(|n| (format!("n{n}"), vec![b'x'; 1000]))
            .collect();
        let batches = batches("/f", &Values::new(), &values);
        assert_eq!(batches.len(), 5);
        for batch in &batches {
            assert!(batch.iter().map(weight).sum::<usize>() <= BATCH);
        }
        assert_eq!(applied(Values::new(), batches), values);
    }

    #[test]
    fn what_another_has_written_is_not_believed() {
        let (own, other) = (secret("0123456789abcdef"), secret("fedcba9876543210"));
        let kept = kept(&["m1", "a2"]);
        let values = written(&kept, Some(&own));
        assert!(read(&written(&kept, None), Some(&own)).is_err());
        assert!(read(&written(&kept, Some(&other)), Some(&own)).is_err());
        let mut moved = values.clone();
        moved.insert("m1".to_owned(), values["a2"].clone());
        assert!(read(&moved, Some(&own)).is_err());
        let mut changed = values.clone();
        if let Some(value) = changed.get_mut("a2") {
            let at = value
                .iter()
                .position(|byte| *byte == b'7')
                .expect("a digit");
            value[at] = b'8';
        }
        assert!(read(&changed, Some(&own)).is_err());
        assert!(read(&values, Some(&own)).is_ok());
    }
}
