//! Carries out what the election asks for, and brings the answers back.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join;
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use crate::coordination::client::Change;
use crate::coordination::{Failure, Session, Value, unless_throttled};
use crate::master::election::{DeposeOutcome, ElectionAction};
use crate::master::predecessor::ClaimView;
use crate::protocol::claim;
use crate::protocol::{Beat, EndReason, Identity};

use super::session_event::SessionEvent;

/// Between two looks at the first in line: rarely enough to cost nothing beside the beats.
const LOOK: Duration = Duration::from_millis(500);
/// Of so many looks one begins with the whole line.
const LISTED: u32 = 8;
/// How many look as often as that.
const FEW: u32 = 8;

/// An answer to an [`ElectionAction`], with its generation.
#[derive(Debug)]
pub(super) enum ElectionReply {
    Created(u64, String, i64),
    Listed(u64, Vec<String>),
    Inspected(u64, String, Option<i64>),
    /// The predecessor's claim was read, and its next change will be noticed.
    PredecessorSeen(u64, ClaimView),
    /// The predecessor's claim has changed.
    PredecessorStirred(u64),
    PredecessorGone(u64),
    /// What stands in the line by this name is no claim.
    NoClaim(u64, String),
    /// The first in line was looked at.
    FirstSeen(u64, String, ClaimView),
    Ousted(u64, DeposeOutcome, EndReason, Option<RemovedFollower>),
}

/// Who held a claim that another has removed, and who that was by its last beat.
#[derive(Debug)]
pub(super) struct RemovedFollower {
    pub(super) node: String,
    pub(super) identity: Box<Identity>,
}

/// Carries out one request. `value` is the new claim's first value; `wants_deaths` if it is to be known who fell.
///
/// A lost connection is no answer: the election begins anew when the session is connected again.
pub(super) async fn carry_out(
    session: Session,
    action: ElectionAction,
    prefix: String,
    value: String,
    wants_deaths: bool,
    inbox: Sender<SessionEvent>,
) {
    let part = CandidateContext {
        session,
        prefix,
        value,
        wants_deaths,
        inbox,
    };
    let event = match unless_throttled(|| part.answer(&action)).await {
        Ok(Some(answer)) => SessionEvent::Answered(answer),
        Ok(None) | Err(Failure::Lost) => return,
        Err(failure) => SessionEvent::Failed(failure),
    };
    // The life may have ended meanwhile.
    let _ = part.inbox.send(event).await;
}

/// What is needed to carry out a request.
struct CandidateContext {
    session: Session,
    prefix: String,
    value: String,
    wants_deaths: bool,
    inbox: Sender<SessionEvent>,
}

impl CandidateContext {
    /// The answer, if there is one to be told.
    async fn answer(&self, action: &ElectionAction) -> Result<Option<ElectionReply>, Failure> {
        let session = &self.session;
        let answer = match action {
            ElectionAction::Create { generation } => {
                let stands = session.stand_in_line(&self.prefix, &self.value).await;
                stands.map(|(name, owner)| ElectionReply::Created(*generation, name, owner))?
            }
            ElectionAction::List { generation, fresh } => {
                ElectionReply::Listed(*generation, session.line(*fresh).await?)
            }
            ElectionAction::Inspect { generation, claim } => {
                let owner = session.owner(&session.paths().claim(claim)).await?;
                ElectionReply::Inspected(*generation, claim.clone(), owner)
            }
            ElectionAction::Listen { generation, claim } => {
                listen(session, *generation, claim, &self.inbox).await?
            }
            ElectionAction::Depose {
                generation,
                own,
                claim,
                version,
            } => self.depose(*generation, own, claim, *version).await?,
            ElectionAction::Remove { claim } => {
                let path = session.paths().claim(claim);
                // Should it fail, the claim goes with the session.
                let _ = session.remove(&path).await;
                return Ok(None);
            }
            ElectionAction::Follow | ElectionAction::Lead(_) | ElectionAction::StepDown => {
                return Ok(None);
            }
        };
        Ok(Some(answer))
    }

    async fn depose(
        &self,
        generation: u64,
        own: &str,
        claim: &str,
        version: Option<i32>,
    ) -> Result<ElectionReply, Failure> {
        // Without a version it goes whether it beats or not.
        let went = version.map_or(EndReason::Deposed, |_| EndReason::Dead);
        // Sent together: to know who it was takes no time.
        let (removed, made) = join(
            removed(&self.session, claim, self.wants_deaths),
            self.session.depose(own, claim, version),
        )
        .await;
        let ousting = match made {
            Ok(()) => DeposeOutcome::Done,
            Err(Failure::NoNode) => DeposeOutcome::Gone,
            Err(Failure::BadVersion) => DeposeOutcome::Spared,
            Err(Failure::Deposed) => DeposeOutcome::Void,
            Err(failure @ Failure::Refused(_)) => {
                let path = self.session.paths().claim(claim);
                return match self.session.owner(&path).await? {
                    Some(0) => Ok(ElectionReply::NoClaim(generation, claim.to_owned())),
                    _ => Err(failure),
                };
            }
            Err(failure) => return Err(failure),
        };
        Ok(ElectionReply::Ousted(generation, ousting, went, removed))
    }
}

/// Who holds a claim, if anybody wants to know.
async fn removed(session: &Session, claim: &str, wants_deaths: bool) -> Option<RemovedFollower> {
    if !wants_deaths {
        return None;
    }
    let path = session.paths().claim(claim);
    let (value, _) = session.client().get(&path).await.ok()?;
    Some(RemovedFollower {
        node: claim::holder(&value),
        identity: Box::new(Beat::parse(&value).identity),
    })
}

/// Tells of each change of a claim until it is gone.
async fn listen(
    session: &Session,
    generation: u64,
    claim: &str,
    inbox: &Sender<SessionEvent>,
) -> Result<ElectionReply, Failure> {
    let path = session.paths().claim(claim);
    let tell = async |answer| inbox.send(SessionEvent::Answered(answer)).await;
    loop {
        let (sight, change) = match see(session, &path).await? {
            ZnodeView::Claim(sight, change) => (sight, change),
            ZnodeView::Nothing => return Ok(ElectionReply::PredecessorGone(generation)),
            ZnodeView::NoClaim => return Ok(ElectionReply::NoClaim(generation, claim.to_owned())),
        };
        // When the life has ended, so has this.
        let told = tell(ElectionReply::PredecessorSeen(generation, sight)).await;
        if told.is_err() || !change.await? {
            return Ok(ElectionReply::PredecessorGone(generation));
        }
        if tell(ElectionReply::PredecessorStirred(generation))
            .await
            .is_err()
        {
            return Err(Failure::Lost);
        }
    }
}

/// What stands in the line by some name.
enum ZnodeView {
    Nothing,
    /// A znode that no session owns.
    NoClaim,
    Claim(ClaimView, Change),
}

async fn see(session: &Session, path: &str) -> Result<ZnodeView, Failure> {
    let (sight, owner, change) = match session.read(path).await {
        Ok((value, change)) => (sight(&value), value.stat.owner, change),
        Err(Failure::NoNode) => return Ok(ZnodeView::Nothing),
        // One that cannot be read is none of ours to judge; its end can be noticed all the same.
        Err(Failure::Refused(_)) => {
            let (stat, change) = session.client().stat_and_watch(path).await?;
            let Some(stat) = stat else {
                return Ok(ZnodeView::Nothing);
            };
            let sight = ClaimView {
                version: stat.version,
                is_ours: false,
                is_beat: false,
            };
            (sight, stat.owner, change)
        }
        Err(failure) => return Err(failure),
    };
    if owner == 0 {
        return Ok(ZnodeView::NoClaim);
    }
    Ok(ZnodeView::Claim(sight, change))
}

fn sight(value: &Value) -> ClaimView {
    ClaimView {
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
    inbox: Sender<SessionEvent>,
) {
    sleep(grace).await;
    let mut pause = LOOK;
    let mut no_claims = BTreeSet::new();
    let mut known: Option<String> = None;
    for look in 0_u32.. {
        sleep(pause).await;
        // A long line is listed now and then only; as a rule the first is the one that it was before.
        if look.is_multiple_of(LISTED) {
            known = None;
        }
        let read = match known.take() {
            Some(first) => session.read_claim(&first).await.map(|value| (first, value)),
            None => Err(Failure::NoNode),
        };
        let (first, value) = match read {
            Ok((first, Some(value))) => (first, value),
            Err(Failure::Lost) => return,
            Ok((_, None)) | Err(_) => {
                // The next connection begins with a vigil of its own.
                let mut line = match session.line(false).await {
                    Ok(line) => line,
                    Err(Failure::Lost) => return,
                    Err(_) => continue,
                };
                let names: BTreeSet<&String> = line.iter().collect();
                no_claims.retain(|name| names.contains(name));
                line.retain(|name| !no_claims.contains(name));
                let line = claim::in_order(&line);
                let place = line.iter().position(|claim| **claim == own);
                let ahead = u32::try_from(place.unwrap_or_default()).unwrap_or(u32::MAX);
                pause = LOOK.saturating_mul((ahead / FEW).max(1));
                let Some(first) = line.first() else {
                    continue;
                };
                match session.read_claim(first).await {
                    Ok(Some(value)) => ((*first).clone(), value),
                    Err(Failure::Lost) => return,
                    Ok(None) | Err(_) => continue,
                }
            }
        };
        if value.stat.owner == 0 {
            no_claims.insert(first);
            continue;
        }
        known = Some(first.clone());
        let answer = ElectionReply::FirstSeen(generation, first, sight(&value));
        // The life may have ended meanwhile.
        if inbox.send(SessionEvent::Answered(answer)).await.is_err() {
            return;
        }
    }
}
