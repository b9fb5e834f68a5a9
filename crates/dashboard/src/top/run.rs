//! The loop: readings, events, keys and signals go into the state, its picture to the terminal, its actions to ZooKeeper.

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, Local, Utc};
use rustix::process::{Signal, kill_current_process_group};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep_until};

use super::draw::draw;
use super::events::LineStyle;
use super::palette::Palette;
use super::state::{TopAction, TopState};
use super::terminal::{Input, TakenTerminal, inputs};
use crate::feed;
use crate::updates::{JobUpdates, MOST_ASKED, SnapshotRequest};
use heartline_core::clock::SystemClock;
use heartline_core::protocol::Event;
use heartline_core::protocol::request::{Request, Response};
use heartline_observe::admin::ask_master;
use heartline_observe::status::{Overview, Unavailable};
use heartline_process::supervisor::listen;
use heartline_zookeeper::Settings;

/// The longest time without a new picture: the clock in it goes on.
const TICK: Duration = Duration::from_secs(1);
/// What a shell adds to the number of a signal that ended a program.
const BY_SIGNAL: u8 = 128;

/// What to show, and how.
#[derive(Debug)]
pub(super) struct TopOptions {
    pub(super) settings: Settings,
    pub(super) every: Duration,
    pub(super) palette: Palette,
}

/// The state, for the feeds and the loop in one thread.
struct Shared {
    state: RefCell<TopState>,
    clock: SystemClock,
    changed: Notify,
    actions: mpsc::UnboundedSender<TopAction>,
    snapshots: mpsc::Sender<SnapshotRequest>,
}

impl JobUpdates for Rc<Shared> {
    fn read(&self, took: Duration, overview: &Overview) {
        let now = self.clock.now().elapsed;
        self.state.borrow_mut().take(took, now, overview);
        self.changed.notify_one();
    }

    fn unavailable(&self, at: DateTime<Utc>, why: &Unavailable) {
        self.state.borrow_mut().unavailable(at, why.to_string());
        self.changed.notify_one();
    }

    fn event(&self, event: &Event) {
        let now = self.clock.now().elapsed;
        let action = self.state.borrow_mut().event(now, event);
        if let Some(action) = action {
            // The loop has ended.
            let _ = self.actions.send(action);
        }
        self.changed.notify_one();
    }
}

/// Shows the job until a key or a signal ends it.
pub(super) async fn run(state: TopState, options: TopOptions) -> anyhow::Result<ExitCode> {
    let (actions, asked) = mpsc::unbounded_channel();
    let (snapshots, requests) = mpsc::channel(MOST_ASKED);
    let shared = Rc::new(Shared {
        state: RefCell::new(state),
        clock: SystemClock::start(),
        changed: Notify::new(),
        actions,
        snapshots,
    });
    let feeds = LocalSet::new();
    let settings = options.settings.clone();
    let reading = feed::read(
        Rc::clone(&shared),
        requests,
        settings.clone(),
        options.every,
        None,
    );
    feeds.spawn_local(reading);
    feeds.spawn_local(feed::events(Rc::clone(&shared), settings));
    feeds.run_until(show(shared, options, asked)).await
}

async fn show(
    shared: Rc<Shared>,
    options: TopOptions,
    mut asked: mpsc::UnboundedReceiver<TopAction>,
) -> anyhow::Result<ExitCode> {
    let (orders, mut signals) = mpsc::unbounded_channel();
    listen(&orders, |signal| signal);
    let mut stops = unix::signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
    let mut continued = unix::signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    let mut terminal = TakenTerminal::take().context("cannot use the terminal")?;
    let mut inputs = inputs()?;
    loop {
        let picture = |buffer: &mut _| {
            let style = LineStyle {
                palette: options.palette,
                offset: *Local::now().offset(),
            };
            draw(
                &mut shared.state.borrow_mut(),
                buffer,
                shared.clock.now(),
                style,
            );
        };
        terminal
            .draw(picture)
            .context("cannot write to the terminal")?;
        let action = tokio::select! {
            biased;
            Some(signal) = signals.recv() => {
                return Ok(ExitCode::from(BY_SIGNAL | u8::try_from(signal).unwrap_or(0)));
            }
            input = inputs.recv() => match input {
                Some(input) => take(&shared, input),
                None => bail!("the terminal cannot be read any more"),
            },
            action = asked.recv() => action,
            _ = stops.recv() => {
                terminal.suspend()?;
                None
            }
            _ = continued.recv() => {
                terminal.take_again()?;
                None
            }
            () = shared.changed.notified() => None,
            () = sleep_until(Instant::now() + TICK) => None,
        };
        match action {
            Some(TopAction::Quit) => return Ok(ExitCode::SUCCESS),
            // The signal comes back to this process, as when the terminal itself sends it.
            Some(TopAction::Suspend) => kill_current_process_group(Signal::TSTP)?,
            Some(TopAction::Redraw) => terminal.redraw()?,
            Some(TopAction::Kill(node)) => {
                spawn_local(kill(Rc::clone(&shared), options.settings.clone(), node));
            }
            Some(TopAction::Snapshot(node)) => {
                spawn_local(read_snapshot(Rc::clone(&shared), node));
            }
            None => {}
        }
    }
}

fn take(shared: &Shared, input: Input) -> Option<TopAction> {
    let mut state = shared.state.borrow_mut();
    match input {
        Input::Key(key) => state.key(shared.clock.now(), key),
        Input::Text(text) => {
            state.pasted(&text);
            None
        }
        Input::Size => None,
    }
}

/// Asks the master to end a member, and shows its answer.
async fn kill(shared: Rc<Shared>, settings: Settings, node: String) {
    let request = Request::Kill(node);
    let message = match ask_master(&settings, &request).await {
        Ok(Response::Done(text)) => format!("the master ends {}", text.trim()),
        Ok(Response::Refused(text)) => format!("the master refuses: {text}"),
        Err(why) => format!("nothing was ended: {why:#}"),
    };
    let now = shared.clock.now();
    shared.state.borrow_mut().say(now, message);
    shared.changed.notify_one();
}

/// Reads the snapshot of a member for its details.
async fn read_snapshot(shared: Rc<Shared>, node: String) {
    let (answer, answered) = oneshot::channel();
    let request = SnapshotRequest {
        node: node.clone(),
        answer,
    };
    let read = match shared.snapshots.try_send(request) {
        Ok(()) => match answered.await {
            Ok(read) => read,
            Err(_) => return,
        },
        Err(_) => Err("too many snapshots are being read; open the member again".to_owned()),
    };
    shared.state.borrow_mut().snapshot(&node, read);
    shared.changed.notify_one();
}
