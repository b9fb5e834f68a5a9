//! The handle of a program's heartbeat, which runs in a thread of its own.

use std::future::pending;
use std::io;
use std::process::exit;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::low_level::emulate_default_handler;
use tokio::runtime::Builder;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

use super::context::RunnerHooks;
use super::death_hook::DeathHook;
use super::environment::SystemEnvironment;
use super::runner::MemberRunner;
use super::shutdown::{Shutdown, Signals};
use super::stall_policy::Kill;
use super::summary::Summary;
use super::{Config, StatusSource};
use heartline_core::protocol::Ending;
use heartline_process::say::say;

/// How long the program's exit may wait while the member reports its end. The documented limit is one second;
/// the rest is for the program itself.
const LEAVE_LIMIT: Duration = Duration::from_millis(900);

/// How long the exit may wait for deaths whose command has not been started yet.
const DRAIN_LIMIT: Duration = Duration::from_millis(500);

/// Writes a line to stderr from a thread of its own: a blocked reader of stderr must not delay the heartbeat.
fn note(program: &'static str, what: String) {
    // A failure to write is no reason to stop.
    let _ = thread::Builder::new().spawn(move || say(program, what));
}

/// A running heartbeat. Its failures never affect the program's work: no panic, no wait.
///
/// With [`Signals::Heartbeat`] it also catches the signals that end a process (`TERM`, `INT`, `HUP`): the
/// member leaves ZooKeeper first, then the signal ends the process.
pub struct Heartbeat {
    stop: oneshot::Sender<Ending>,
    joined: Receiver<Result<(), String>>,
    done: Receiver<Summary>,
    killer: Kill,
    on_death: Option<DeathHook>,
}

impl Heartbeat {
    /// Starts the heartbeat. It calls `complain` once, with one line, when something is wrong with
    /// ZooKeeper. If the heartbeat is `required`, a problem before the member has joined goes to
    /// [`Heartbeat::wait_until_joined`] instead.
    #[expect(
        clippy::too_many_lines,
        reason = "one thread, with the channels between it and its handle"
    )]
    pub fn start(
        program: &'static str,
        config: Config,
        status_source: Arc<dyn StatusSource>,
        required: bool,
        signals: Signals,
        complain: impl FnOnce(&str) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (tell_joined, joined) = channel();
        let tell_joined = required.then_some(tell_joined);
        let (tell_done, done) = channel();
        let (order, orders) = unbounded_channel();
        let (kill, farewell): (Kill, Option<Kill>) = match signals {
            Signals::Heartbeat(farewell) => {
                let kill = move |reason| {
                    // A member that is leaving has already ended.
                    let _ = order.send(reason);
                };
                (Arc::new(kill), Some(farewell))
            }
            Signals::Program(kill) => (kill, None),
        };
        let is_own = farewell.is_some();
        let killer = Arc::clone(&kill);
        // Start the hook from this thread, which has no real-time priority to pass on.
        let on_death = config.on_death.clone();
        let on_death = on_death.map(|command| DeathHook::start(program, command));
        let (on_death, death_sink) = on_death.transpose()?.unzip();
        let hook = on_death.clone();
        thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || {
                config.scheduling.ask();
                let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
                    // Without a runtime the channels close, which tells the program that there is no
                    // heartbeat.
                    return;
                };
                let machine = Arc::new(SystemEnvironment::start());
                let hooks = RunnerHooks {
                    joined: tell_joined,
                    complain: Box::new(complain),
                    note: Box::new(move |what| note(program, what.to_owned())),
                    kill: Box::new(move |reason| kill(reason.to_owned())),
                    death_sink,
                };
                let runner = MemberRunner::new(config, machine, status_source, hooks);
                // Run in a spawned task: waking the future that a runtime blocks on costs a system call.
                let summary = runtime.block_on(async {
                    // Signals belong to the runtime that they are caught in.
                    let shutdown = if is_own {
                        Shutdown::on_signal_or(stopped, orders, LEAVE_LIMIT)
                    } else {
                        Shutdown::on_word(stopped, LEAVE_LIMIT)
                    };
                    match tokio::spawn(runner.live(shutdown)).await {
                        Ok(summary) => summary,
                        // A bug in the heartbeat must not disable the program's signals: their task
                        // continues.
                        Err(_) if is_own => pending().await,
                        Err(_) => Summary::default(),
                    }
                });
                if let (Some(hook), true) = (&hook, summary.ends()) {
                    hook.close(DRAIN_LIMIT);
                }
                if let Some(signal) = summary.signal {
                    // End as if the signal had not been caught: the shell and Hadoop see the real cause.
                    let _ = emulate_default_handler(signal);
                }
                if let Some(reason) = &summary.killed {
                    say(program, reason);
                    if let Some(farewell) = farewell {
                        farewell(reason.clone());
                    }
                    exit(1);
                }
                // The receiver may be gone.
                let _ = tell_done.send(summary);
            })?;
        Ok(Self {
            stop,
            joined,
            done,
            killer,
            on_death,
        })
    }

    /// The function that ends the work as failed, in the same way as an order of the master.
    pub fn killer(&self) -> Kill {
        Arc::clone(&self.killer)
    }

    /// Waits until the member is master or follower for the first time, for `limit` at most. Returns an error
    /// with the reason if it cannot join.
    pub fn wait_until_joined(&self, limit: Duration) -> Result<(), String> {
        match self.joined.recv_timeout(limit) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Err(format!("no answer within {limit:?}")),
            Err(RecvTimeoutError::Disconnected) => Err("the heartbeat has ended".to_owned()),
        }
    }

    /// Reports how the work ended, leaves ZooKeeper and stops. Takes at most one second.
    pub fn stop(self, ending: Ending) -> Summary {
        let begin = Instant::now();
        // If the thread is gone, `done` shows it too.
        let _ = self.stop.send(ending);
        // The thread keeps to the limit. What it cannot interrupt, such as a lookup in an unresponsive name
        // server, is abandoned when the process exits.
        let summary = self.done.recv_timeout(LEAVE_LIMIT + LEAVE_LIMIT / 20);
        if let (Ok(_), Some(hook)) = (&summary, &self.on_death) {
            hook.close(DRAIN_LIMIT.min(LEAVE_LIMIT.saturating_sub(begin.elapsed())));
        }
        summary.unwrap_or_default()
    }
}
