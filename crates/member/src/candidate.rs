//! Carries out the requests of the election and reports the answers.

use futures_util::future::join;
use tokio::sync::mpsc::Sender;

use heartline_core::detect::DeathCause;
use heartline_core::master::election::{DeposeOutcome, ElectionAction};
use heartline_core::master::predecessor::ClaimView;
use heartline_core::protocol::claim;
use heartline_core::protocol::{Beat, EndReason};
use heartline_zookeeper::client::Change;
use heartline_zookeeper::{Failure, Session, Value, unless_throttled};

use super::session_event::{ElectionReply, RemovedClaimant, SessionEvent};

/// Carries out one request. `value` is the initial value of the new claim. If `wants_deaths` is set, the answer to
/// a removal names the removed owner.
///
/// A lost connection gives no answer: the election starts again when the session is connected again.
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
    // The runner may have ended in the meantime.
    let _ = part.inbox.send(event).await;
}

/// The context that a request needs.
struct CandidateContext {
    session: Session,
    prefix: String,
    value: String,
    wants_deaths: bool,
    inbox: Sender<SessionEvent>,
}

impl CandidateContext {
    /// The answer to an action, or `None` if there is nothing to report.
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
                cause,
            } => {
                // Without a version the claim is removed even if its owner still beats.
                let went = version.map_or(EndReason::Deposed, |_| EndReason::Dead);
                let went = (went, *cause);
                self.depose(*generation, own, (claim, *version), went)
                    .await?
            }
            ElectionAction::Remove { claim } => {
                let path = session.paths().claim(claim);
                // If the removal fails, ZooKeeper removes the claim with the session.
                let _ = session.remove_own(&path, &[]).await;
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
        (claim, version): (&str, Option<i32>),
        went: (EndReason, Option<DeathCause>),
    ) -> Result<ElectionReply, Failure> {
        // Both requests are sent together: reading the owner's identity takes no extra time.
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

/// Reads the owner of a claim, if the caller asks for it.
async fn removed(session: &Session, claim: &str, wants_deaths: bool) -> Option<RemovedClaimant> {
    if !wants_deaths {
        return None;
    }
    let path = session.paths().claim(claim);
    let (value, _) = session.client().get(&path).await.ok()?;
    Some(RemovedClaimant {
        node: claim::holder(&value),
        identity: Box::new(Beat::parse(&value).identity),
    })
}

/// Reports each change of a claim until the claim is gone.
async fn listen(
    session: &Session,
    generation: u64,
    claim: &str,
    inbox: &Sender<SessionEvent>,
) -> Result<ElectionReply, Failure> {
    let path = session.paths().claim(claim);
    let tell = async |answer| inbox.send(SessionEvent::Answered(answer)).await;
    loop {
        let (view, change) = match see(session, &path).await? {
            ZnodeView::Claim(view, change) => (view, change),
            ZnodeView::Nothing => return Ok(ElectionReply::PredecessorGone(generation)),
            ZnodeView::NoClaim => return Ok(ElectionReply::NoClaim(generation, claim.to_owned())),
        };
        // When the runner has ended, this task ends too.
        let sent = tell(ElectionReply::PredecessorSeen(generation, view)).await;
        if sent.is_err() || !change.await? {
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

/// The znode of a given name in the line.
enum ZnodeView {
    Nothing,
    /// A znode that no session owns.
    NoClaim,
    Claim(ClaimView, Change),
}

async fn see(session: &Session, path: &str) -> Result<ZnodeView, Failure> {
    let (view, is_claim, change) = match session.read(path).await {
        Ok((value, change)) => (view(&value), value.stat.is_ephemeral(), change),
        Err(Failure::NoNode) => return Ok(ZnodeView::Nothing),
        // The member cannot judge a claim that it cannot read, but it can still watch for its removal.
        Err(Failure::Refused(_)) => {
            let (stat, change) = session.client().stat_and_watch(path).await?;
            let Some(stat) = stat else {
                return Ok(ZnodeView::Nothing);
            };
            let view = ClaimView {
                version: stat.version,
                member: None,
                is_ours: false,
                is_beat: false,
            };
            (view, stat.is_ephemeral(), change)
        }
        Err(failure) => return Err(failure),
    };
    if !is_claim {
        return Ok(ZnodeView::NoClaim);
    }
    Ok(ZnodeView::Claim(view, change))
}

/// What a claim's value shows.
pub(super) fn view(value: &Value) -> ClaimView {
    ClaimView {
        version: value.stat.version,
        member: None,
        is_ours: claim::is_ours(&value.bytes),
        is_beat: claim::is_beat(&value.bytes),
    }
}
