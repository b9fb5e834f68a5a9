//! Runs a member: one session after the other, until it is ordered to leave.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::context::{MemberContext, RunnerHooks, SessionEnd, ticks};
use super::environment::Environment;
use super::session::MemberSession;
use super::shutdown::{Shutdown, ShutdownStage};
use super::summary::Summary;
use super::turn_hook::MemberTurn;
use super::{Config, StatusSource};
use heartline_zookeeper::Connector;

/// How long a server may accept connections without giving a session before the member complains.
const SESSION_START_TIMEOUT: Duration = Duration::from_secs(2);

/// A member that waits for a session turns at least as often, for whoever looks at its turns.
const LONGEST_TURN: Duration = Duration::from_secs(1);

/// How long a refused member waits before it tries again.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// The same for answers that make no sense.
const ODD_PAUSE: Duration = Duration::from_millis(800);
/// After a session that lasted longer, the next attempt follows at once.
const SHORT_SESSION: Duration = Duration::from_millis(800);

/// A member that runs, from its first session to its last.
pub struct MemberRunner {
    context: MemberContext,
}

impl MemberRunner {
    /// Creates a runner that has not started.
    pub fn new(
        config: Config,
        environment: Arc<dyn Environment>,
        status_source: Arc<dyn StatusSource>,
        hooks: RunnerHooks,
    ) -> Self {
        Self {
            context: MemberContext::new(config, environment, status_source, hooks),
        }
    }

    /// Runs until the member is ordered to leave.
    pub async fn live(mut self, mut shutdown: Shutdown) -> Summary {
        let servers = self.context.environment.servers();
        let mut connector =
            Connector::with(self.context.config.settings.clone(), servers).of_any_age();
        let mut away_since = Duration::ZERO;
        loop {
            let attempt = connector.attempt();
            let Some(opened) = self.unless_cut(&mut shutdown, attempt).await else {
                break;
            };
            match opened {
                Ok(session) => {
                    self.context.diagnosis = None;
                    let id = session.id();
                    self.context.listen().await;
                    let begun = self.context.environment.now().elapsed;
                    let end = MemberSession::new(&mut self.context, session)
                        .run(&mut shutdown)
                        .await;
                    self.context.remember(id);
                    away_since = self.context.environment.now().elapsed;
                    let lasted = away_since.saturating_sub(begun);
                    match end {
                        SessionEnd::Left => break,
                        SessionEnd::Refused => connector.rest_for(REFUSED_PAUSE),
                        SessionEnd::Odd => connector.rest_for(ODD_PAUSE),
                        SessionEnd::Lost if lasted > SHORT_SESSION => {
                            connector.is_well();
                            continue;
                        }
                        // If a server ends each session at once, do not ask it for more at a faster rate.
                        SessionEnd::Lost => {}
                    }
                }
                Err(diagnosis) => {
                    let since = self
                        .context
                        .environment
                        .now()
                        .elapsed
                        .saturating_sub(away_since);
                    if diagnosis.is_settled() || since > SESSION_START_TIMEOUT {
                        self.context.complain(&diagnosis.to_string());
                    }
                    self.context.diagnosis = Some(diagnosis);
                }
            }
            let pause = connector.pause();
            if self.unless_cut(&mut shutdown, pause).await.is_none() {
                break;
            }
        }
        if let Some(stop) = shutdown.stop() {
            self.context.say_goodbye(stop.ending);
            self.context.summary.signal = stop.signal;
            self.context.summary.killed.clone_from(&stop.killed);
        }
        self.context.summary
    }

    /// The outcome of `work`, or `None` if the member has to leave first. It leaves at once when ZooKeeper
    /// is known to be unreachable, otherwise when the time for leaving has passed, so that a member whose
    /// work is done in a moment is still seen to come and go.
    async fn unless_cut<T>(
        &mut self,
        shutdown: &mut Shutdown,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let base = self.context.config.pace.interval;
        let mut ticks = ticks(base.max(self.context.direct_interval));
        // A server that accepts a connection and is silent may take long.
        let has_hook = self.context.config.turn_hook.is_some();
        loop {
            self.context.turned(if shutdown.stop().is_some() {
                MemberTurn::Leaving
            } else {
                MemberTurn::Away
            });
            if shutdown.stop().is_some() && self.context.complain.is_none() {
                return None;
            }
            tokio::select! {
                biased;
                cut = shutdown.next() => if cut == ShutdownStage::Deadline {
                    let known = self.context.diagnosis.take().map(|diagnosis| diagnosis.to_string());
                    let what = known.unwrap_or_else(|| "no session within the timeout".to_owned());
                    self.context.complain(&what);
                    return None;
                },
                outcome = &mut work => return Some(outcome),
                _ = ticks.tick(), if self.context.earlier_connection.is_some() => {
                    self.context.beat_earlier();
                }
                () = sleep(LONGEST_TURN), if has_hook => {}
            }
        }
    }
}
