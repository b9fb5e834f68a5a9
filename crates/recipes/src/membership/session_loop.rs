//! Runs a member: one session after the other, until the member must leave.

use std::time::Duration;

use tokio::time::Instant;

use super::PROGRAM;
use super::activation::ExitCause;
use super::plan::MemberPlan;
use super::runner::GroupRunner;
use super::session::GroupSession;
use heartline_process::say::say;
use heartline_zookeeper::{Connector, Diagnosis};

/// How long a server that accepts connections may give no session before that is reported.
const NO_SESSION_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the member; returns how to exit, or why ZooKeeper is not available although it is required.
pub(super) async fn live(plan: MemberPlan) -> (GroupRunner, Result<ExitCause, Diagnosis>) {
    let mut runner = GroupRunner::new(plan);
    let outcome = go_on(&mut runner).await;
    (runner, outcome)
}

async fn go_on(runner: &mut GroupRunner) -> Result<ExitCause, Diagnosis> {
    let mut connector = Connector::new(runner.plan.settings.clone());
    let mut complained = false;
    let mut required = runner.plan.require_zookeeper;
    let mut away_since = Instant::now();
    loop {
        let diagnosis = match meanwhile(runner, connector.attempt()).await {
            Err(leaving) => return Ok(leaving),
            Ok(Ok(session)) => {
                connector.is_well();
                (required, complained) = (false, false);
                GroupSession::new(runner, session, &mut complained)
                    .run()
                    .await;
                away_since = Instant::now();
                continue;
            }
            Ok(Err(diagnosis)) => diagnosis,
        };
        if diagnosis.is_settled() || away_since.elapsed() > NO_SESSION_TIMEOUT {
            if required {
                return Err(diagnosis);
            }
            if !std::mem::replace(&mut complained, true) {
                say(PROGRAM, format_args!("waiting for ZooKeeper: {diagnosis}"));
            }
        }
        if let Err(leaving) = meanwhile(runner, connector.pause()).await {
            return Ok(leaving);
        }
    }
}

/// The outcome of `work`, unless the member must leave before; the runner handles its events meanwhile.
async fn meanwhile<T>(
    runner: &mut GroupRunner,
    work: impl Future<Output = T>,
) -> Result<T, ExitCause> {
    let mut work = std::pin::pin!(work);
    loop {
        if let Some(leaving) = runner.leaving() {
            return Err(leaving);
        }
        tokio::select! {
            outcome = &mut work => return Ok(outcome),
            () = runner.next() => {}
        }
    }
}
