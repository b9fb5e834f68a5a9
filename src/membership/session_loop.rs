//! Runs a member: one session after the other, until the member must leave.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::PROGRAM;
use super::activation::ExitCause;
use super::plan::MemberPlan;
use super::runner::GroupRunner;
use super::session::GroupSession;
use crate::coordination::{Diagnosis, Session};
use crate::say::say;

/// The pause between the first two attempts to reach ZooKeeper; it doubles after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
/// How long a server that accepts connections may give no session before that is reported.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs the member; returns how to exit, or why ZooKeeper is not available although it is required.
pub(super) async fn live(plan: MemberPlan) -> (GroupRunner, Result<ExitCause, Diagnosis>) {
    let mut duty = GroupRunner::new(plan);
    let outcome = go_on(&mut duty).await;
    (duty, outcome)
}

async fn go_on(duty: &mut GroupRunner) -> Result<ExitCause, Diagnosis> {
    let settings = duty.plan.settings.clone();
    let mut complained = false;
    let mut required = duty.plan.require_zookeeper;
    let mut pause = FIRST_PAUSE;
    let mut away_since = Instant::now();
    loop {
        let diagnosis = match meanwhile(duty, Session::open(&settings)).await {
            Err(leaving) => return Ok(leaving),
            Ok(Ok(session)) => match meanwhile(duty, Diagnosis::of_age(&settings.address)).await {
                Err(leaving) => return Ok(leaving),
                Ok(Some(old)) => old,
                Ok(None) => {
                    (pause, required, complained) = (FIRST_PAUSE, false, false);
                    GroupSession::new(duty, session, &mut complained)
                        .run()
                        .await;
                    away_since = Instant::now();
                    continue;
                }
            },
            Ok(Err(_)) => match meanwhile(duty, Diagnosis::of(&settings.address)).await {
                Err(leaving) => return Ok(leaving),
                Ok(diagnosis) => diagnosis,
            },
        };
        if diagnosis.is_settled() || away_since.elapsed() > PATIENCE {
            if required {
                return Err(diagnosis);
            }
            if !std::mem::replace(&mut complained, true) {
                say(PROGRAM, format_args!("waiting for ZooKeeper: {diagnosis}"));
            }
        }
        if let Err(leaving) = meanwhile(duty, sleep(pause)).await {
            return Ok(leaving);
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// The outcome of `work`, unless the member must leave before; the runner handles its events meanwhile.
async fn meanwhile<T>(
    duty: &mut GroupRunner,
    work: impl Future<Output = T>,
) -> Result<T, ExitCause> {
    let mut work = std::pin::pin!(work);
    loop {
        if let Some(leaving) = duty.leaving() {
            return Err(leaving);
        }
        tokio::select! {
            outcome = &mut work => return Ok(outcome),
            () = duty.next() => {}
        }
    }
}
