//! A member's own writes, as futures of one type: the loop holds at most one.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::join5;

use super::Name;
use heartline_core::master::state::PriorState;
use heartline_core::master::takeover::{self, Takeover};
use heartline_core::master::transaction::{Outcome, RemovedFollower, Write};
use heartline_core::protocol::Report;
use heartline_core::protocol::control::Control;
use heartline_zookeeper::{
    ControlWrite, ExaminedAccess, Failure, Fence, Removal, RemovalOutcome, Session,
    unless_throttled,
};

/// The result of a write.
#[derive(Debug)]
pub(super) enum Written {
    /// The member's znode exists.
    Joined,
    /// A beat is acknowledged: the version of the follower's znode, if it went there.
    Beaten(Option<i32>),
    /// The state that the last master left.
    Inherited(Box<PriorState>),
    /// Another member is master; its claim, if it still exists.
    Contested(Option<String>),
    /// The answer to a master's transaction.
    Fenced(Outcome),
}

/// The outcome of a write.
pub(super) type Done = Result<Written, Failure>;
/// A write that is under way. Dropping it does not cancel it.
pub(super) type WriteFuture = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Creates the member's znode.
pub(super) fn join(session: Session, name: Name, value: String, earlier: Vec<i64>) -> WriteFuture {
    Box::pin(async move {
        let join = || session.join(name.as_ref(), &value, &earlier);
        unless_throttled(join).await?;
        Ok(Written::Joined)
    })
}

/// Beats on the member's znode.
pub(super) fn beat(session: Session, name: Name, value: String) -> WriteFuture {
    Box::pin(async move {
        let version = session.beat(name.as_ref(), &value).await?;
        Ok(Written::Beaten(Some(version)))
    })
}

/// Beats on the member's claim, for a dedicated master that waits in line.
pub(super) fn touch(session: Session, claim: String, value: String) -> WriteFuture {
    Box::pin(async move {
        session.touch(&claim, &value).await?;
        Ok(Written::Beaten(None))
    })
}

/// Beats on a master's claim, beside the transaction that is under way.
pub(super) fn beside(fence: Fence, own: String) -> WriteFuture {
    Box::pin(async move {
        fence.beat(&own, None).await?;
        Ok(Written::Beaten(None))
    })
}

/// The context of a member that is about to become master.
pub(super) struct TakeoverRequest {
    /// Its claim, and the value of the claim before the first beat.
    pub(super) claim: String,
    pub(super) value: String,
    /// Its follower znode, and the sessions whose znodes belong to it.
    pub(super) leftover: Option<String>,
    pub(super) earlier: Vec<i64>,
    /// When the previous master's last beat was noticed, by the monotonic clock.
    pub(super) last_beat: Option<Duration>,
    /// How long to wait for other members.
    pub(super) grace: Duration,
    /// The znodes in the line that are not claims.
    pub(super) no_claims: BTreeSet<String>,
    /// The largest request in bytes that the server is known to accept.
    pub(super) request_limit: Option<usize>,
}

/// Takes the steps from the line to the master role up to the first report, and removes the new master's
/// follower znode. The beat also reads ZooKeeper's clock.
pub(super) fn inherit(session: Session, request: TakeoverRequest) -> WriteFuture {
    let TakeoverRequest {
        claim,
        value,
        leftover,
        earlier,
        last_beat,
        grace,
        no_claims,
        request_limit,
    } = request;
    Box::pin(async move {
        // The steps may be made twice.
        let own_created = AtomicI64::new(0);
        let steps = || async {
            let removed = async {
                if let Some(path) = &leftover
                    && let Some(stat) = session.remove_own(path, &earlier).await?
                {
                    own_created.store(stat.created, Ordering::Relaxed);
                }
                Ok::<(), Failure>(())
            };
            // Sent together, and carried out in this order.
            let (read, touched, line, removed, control) = join5(
                session.read(session.paths().master()),
                session.touch(&claim, &value),
                session.line(false),
                removed,
                control(&session),
            )
            .await;
            let touched = match touched {
                Err(Failure::NoNode) => Err(Failure::Deposed),
                touched => touched,
            };
            let answers = (read?, touched?, line?, control?);
            removed?;
            Ok(answers)
        };
        let ((read, _), touched, mut line, control) = unless_throttled(steps).await?;
        let report = Report::parse(&read.bytes);
        line.retain(|name| !no_claims.contains(name));
        match takeover::judge(&claim, &report, &line) {
            Takeover::Begin => {}
            Takeover::Contested(claim) => return Ok(Written::Contested(Some(claim))),
            Takeover::Overtaken => return Ok(Written::Contested(None)),
        }
        Ok(Written::Inherited(Box::new(PriorState {
            report,
            version: read.stat.version,
            written: read.stat.written,
            now: touched.written,
            last_beat,
            grace,
            zxid: touched.modified,
            control,
            session: session.id(),
            own_created: own_created.into_inner(),
            request_limit,
        })))
    })
}

/// The last instructions to the members; creates the znode if it does not exist. What somebody else may have written is
/// not carried on.
async fn control(session: &Session) -> Result<Control, Failure> {
    let path = session.paths().control();
    for _ in 0..2 {
        match session
            .read_order(path, &mut ExaminedAccess::default())
            .await
        {
            Err(Failure::NoNode) => session.prepare_control().await?,
            // One znode that may not be read costs its content, not the mastership.
            Err(Failure::Refused(_)) => return Ok(Control::default()),
            read => return Ok(Control::parse(&read?.0.bytes)),
        }
    }
    // It goes again and again, or the own claim is gone, which the takeover finds by itself.
    Ok(Control::default())
}

/// Runs a master's transaction; `own` is the value of the master's beat.
pub(super) fn fenced(fence: Fence, own: String, write: Write) -> WriteFuture {
    Box::pin(async move {
        let outcome = match write {
            Write::Beat { report } => {
                fence.beat(&own, report.as_deref()).await?;
                Outcome::Done
            }
            Write::TakeOver {
                version,
                report,
                control,
            } => {
                let made = fence.take_over(version, &report, &control).await?;
                made.map_or(Outcome::Overtaken, done)
            }
            Write::Command { control, answer } => {
                let answer = answer
                    .as_ref()
                    .map(|(name, text)| (name.as_str(), text.as_str()));
                done(fence.command(&own, &control, answer).await?)
            }
            Write::RemoveDead { removed, report } => {
                let removals: Vec<Removal<'_>> = removed.iter().map(removal).collect();
                match fence.remove_dead(&own, &removals, &report).await? {
                    RemovalOutcome::Done => Outcome::Done,
                    RemovalOutcome::Spared(at) => Outcome::Spared(at),
                    RemovalOutcome::Gone(at) => Outcome::Gone(at),
                    RemovalOutcome::Refused(at, why) => Outcome::Refused(at, why),
                }
            }
            Write::Release { report } => {
                fence.release(&report).await?;
                Outcome::Done
            }
        };
        Ok(Written::Fenced(outcome))
    })
}

fn done(control: ControlWrite) -> Outcome {
    match control {
        ControlWrite::Done => Outcome::Done,
        ControlWrite::Refused(why) => Outcome::ControlRefused(why),
    }
}

fn removal(removed: &RemovedFollower) -> Removal<'_> {
    Removal {
        node: &removed.node,
        version: removed.version,
        owner: removed.owner,
        claim: removed.claim.as_deref(),
        claim_version: removed.claim_version,
    }
}
