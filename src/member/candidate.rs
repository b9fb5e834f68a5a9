//! Carries out what the election asks for, and brings the answers back.

use tokio::sync::mpsc::Sender;

use crate::coordination::{Failure, Session};
use crate::master::election::Action;
use crate::protocol::claim::ClaimStat;

use super::happening::Happening;

/// An answer to an [`Action`], with its generation.
#[derive(Debug)]
pub(super) enum Answer {
    Created(u64, String, ClaimStat),
    Listed(u64, Vec<String>),
    Inspected(u64, String, Option<ClaimStat>),
    PredecessorGone(u64),
}

/// Carries out one request. `beat` is the new claim's first value.
///
/// A lost connection is no answer: the election begins anew when the session is connected again.
pub(super) async fn carry_out(
    session: Session,
    action: Action,
    prefix: String,
    value: String,
    inbox: Sender<Happening>,
) {
    let answer = match action {
        Action::Create { generation } => session
            .stand_in_line(&prefix, &value)
            .await
            .map(|(name, stat)| Answer::Created(generation, name, stat)),
        Action::List { generation, fresh } => session
            .line(fresh)
            .await
            .map(|names| Answer::Listed(generation, names)),
        Action::Inspect { generation, claim } => session
            .inspect(&claim)
            .await
            .map(|stat| Answer::Inspected(generation, claim, stat)),
        Action::Watch { generation, claim } => session
            .gone(&claim)
            .await
            .map(|()| Answer::PredecessorGone(generation)),
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
