//! Carries out what the election asks for, and brings the answers back.

use std::time::Duration;

use futures_util::future::join;
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use crate::coordination::{Failure, Session, Value};
use crate::master::election::{Action, Ousting};
use crate::master::vigil::Sight;
use crate::protocol::claim;
use crate::protocol::{Beat, Identity, Went};

use super::happening::Happening;

/// Between two looks at the first in line: rarely enough to cost nothing beside the beats.
const LOOK: Duration = Duration::from_millis(500);
/// How many look as often as that.
const FEW: u32 = 8;

/// An answer to an [`Action`], with its generation.
#[derive(Debug)]
pub(super) enum Answer {
    Created(u64, String, i64),
    Listed(u64, Vec<String>),
    Inspected(u64, String, Option<i64>),
    /// The predecessor's claim was read, and its next change will be noticed.
    PredecessorSeen(u64, Sight),
    /// The predecessor's claim has changed.
    PredecessorStirred(u64),
    PredecessorGone(u64),
    /// The first in line was looked at.
    FirstSeen(u64, String, Sight),
    Ousted(u64, Ousting, Went, Option<Fallen>),
}

/// Who held a claim that another has removed, and who that was by its last beat.
#[derive(Debug)]
pub(super) struct Fallen {
    pub(super) node: String,
    pub(super) identity: Box<Identity>,
}

/// Carries out one request. `value` is the new claim's first value; `mourns` if it is to be known who fell.
///
/// A lost connection is no answer: the election begins anew when the session is connected again.
pub(super) async fn carry_out(
    session: Session,
    action: Action,
    prefix: String,
    value: String,
    mourns: bool,
    inbox: Sender<Happening>,
) {
    let answer = match action {
        Action::Create { generation } => session
            .stand_in_line(&prefix, &value)
            .await
            .map(|(name, owner)| Answer::Created(generation, name, owner)),
        Action::List { generation, fresh } => session
            .line(fresh)
            .await
            .map(|names| Answer::Listed(generation, names)),
        Action::Inspect { generation, claim } => session
            .owner(&session.paths().claim(&claim))
            .await
            .map(|owner| Answer::Inspected(generation, claim, owner)),
        Action::Listen { generation, claim } => listen(&session, generation, &claim, &inbox).await,
        Action::Depose {
            generation,
            own,
            claim,
            version,
        } => {
            // Without a version it goes whether it beats or not.
            let went = version.map_or(Went::Deposed, |_| Went::Dead);
            // Sent together: to know who it was takes no time.
            let (fallen, made) = join(
                fallen(&session, &claim, mourns),
                session.depose(&own, &claim, version),
            )
            .await;
            let ousting = match made {
                Ok(()) => Ok(Ousting::Done),
                Err(Failure::NoNode) => Ok(Ousting::Gone),
                Err(Failure::BadVersion) => Ok(Ousting::Spared),
                Err(Failure::Deposed) => Ok(Ousting::Void),
                Err(failure) => Err(failure),
            };
            ousting.map(|ousting| Answer::Ousted(generation, ousting, went, fallen))
        }
        Action::Remove { claim } => {
            let path = session.paths().claim(&claim);
            // Should it fail, the claim goes with the session.
            let _ = session.remove(&path).await;
            return;
        }
        Action::Follow | Action::Lead(_) | Action::StepDown => return,
    };
    let happening = match answer {
        Ok(answer) => Happening::Answered(answer),
        Err(Failure::Lost) => return,
        Err(failure) => Happening::Failed(failure),
    };
    // The life may have ended meanwhile.
    let _ = inbox.send(happening).await;
}

/// Who holds a claim, if anybody wants to know.
async fn fallen(session: &Session, claim: &str, mourns: bool) -> Option<Fallen> {
    if !mourns {
        return None;
    }
    let path = session.paths().claim(claim);
    let (value, _) = session.client().get(&path).await.ok()?;
    Some(Fallen {
        node: claim::holder(&value),
        identity: Box::new(Beat::parse(&value).identity),
    })
}

/// Tells of each change of a claim until it is gone.
async fn listen(
    session: &Session,
    generation: u64,
    claim: &str,
    inbox: &Sender<Happening>,
) -> Result<Answer, Failure> {
    let path = session.paths().claim(claim);
    let tell = async |answer| inbox.send(Happening::Answered(answer)).await;
    loop {
        let (value, change) = match session.read(&path).await {
            Err(Failure::NoNode) => return Ok(Answer::PredecessorGone(generation)),
            read => read?,
        };
        let sight = sight(&value);
        // When the life has ended, so has this.
        let told = tell(Answer::PredecessorSeen(generation, sight)).await;
        if told.is_err() || !change.await? {
            return Ok(Answer::PredecessorGone(generation));
        }
        if tell(Answer::PredecessorStirred(generation)).await.is_err() {
            return Err(Failure::Lost);
        }
    }
}

fn sight(value: &Value) -> Sight {
    Sight {
        version: value.stat.version,
        is_ours: claim::is_ours(&value.bytes),
        is_beat: claim::is_beat(&value.bytes),
    }
}

/// Tells how the first in line stands, after a while of `grace`: twice a second for the first few, and the
/// less often the further behind, or a long line would do little else than look at its head.
pub(super) async fn look_at_first(
    session: Session,
    own: String,
    generation: u64,
    grace: Duration,
    inbox: Sender<Happening>,
) {
    sleep(grace).await;
    let mut pause = LOOK;
    loop {
        sleep(pause).await;
        // The next connection begins with a vigil of its own.
        let Ok(line) = session.line(false).await else {
            return;
        };
        let line = claim::in_order(&line);
        let place = line.iter().position(|claim| **claim == own);
        let ahead = u32::try_from(place.unwrap_or_default()).unwrap_or(u32::MAX);
        pause = LOOK.saturating_mul((ahead / FEW).max(1));
        let Some(first) = line.first().map(|first| (*first).clone()) else {
            continue;
        };
        let value = match session.read_claim(&first).await {
            Ok(Some(value)) => value,
            Ok(None) => continue,
            Err(_) => return,
        };
        let answer = Answer::FirstSeen(generation, first, sight(&value));
        // The life may have ended meanwhile.
        if inbox.send(Happening::Answered(answer)).await.is_err() {
            return;
        }
    }
}
