//! `heartline wait`: waits until the tasks of a job have ended, for schedulers and scripts.
//!
//! Two sources, each of which alone would miss something: the master's events say how members ended, also those that
//! came and went between two looks; looks at the znodes say which task each member runs, and that nobody is there any
//! more.

mod tally;

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::status::{JobReader, MemberRole, MemberVerdict, Overview, Unavailable};
use crate::watch::{ConnectionChanges, EventHandler, EventHistory, follow};
use heartline_cli::{self as cli, ZooKeeperOptions, duration, write_line};
use heartline_core::protocol::Event;
use heartline_core::protocol::claim::is_standing;
use heartline_core::text::line;
use heartline_process::say::say;

use tally::{JobEnding, MemberState, SeenMember, Tally};

const PROGRAM: &str = "heartline wait";
/// Time between two looks, after the one before has ended.
const LOOK: Duration = Duration::from_millis(500);
/// Longer than anybody waits.
const FAR: Duration = Duration::from_secs(100 * 365 * 86_400);
/// The exit status at the time limit, as of timeout(1).
const TIMED_OUT: u8 = 124;

const HELP: &str = "\
Exit status: 0 if each task has an attempt that finished; 1 if one has none, or on an error; 2 on wrong usage; 124 at \
the time limit. A task of Hadoop may have several attempts; any other member is a task of its own. Dedicated masters \
are none.

Examples:
  heartline wait --namespace /jobs/42 --timeout 2h & hadoop jar … -D heartline.namespace=/jobs/42 …
  heartline wait --namespace /jobs/nightly --tasks 200 --json";

/// Wait until all tasks of a job have ended, and say how
///
/// A job that has ended before is judged by the master's last report, which no longer tells all: start the wait with
/// the job.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = HELP)]
pub struct WaitArgs {
    /// Stop waiting after this time, with exit status 124 [default: never]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,

    /// For how long no member may be there until the job counts as ended: longer than the pause between its mappers and
    /// its reducers
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    settle: Duration,

    /// The least number of tasks: the job has not ended before as many were seen
    #[arg(long, value_name = "N", default_value_t = 1)]
    tasks: usize,

    /// Wait for a job that begins now: what an earlier one left does not count
    #[arg(long)]
    new: bool,

    /// Write the result as one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

/// The result, for programs.
#[derive(Serialize)]
struct ResultLine<'a> {
    outcome: &'static str,
    #[serde(flatten)]
    ending: &'a JobEnding,
}

/// What the two sources tell.
enum News {
    Event(Event),
    Look(Result<Overview, Unavailable>),
}

impl WaitArgs {
    /// Waits, and shows the result; the exit status says it too.
    pub fn run(&self) -> ExitCode {
        cli::run(PROGRAM, self.wait())
    }

    async fn wait(&self) -> anyhow::Result<ExitCode> {
        let begin = Instant::now();
        let limit = begin + self.timeout.unwrap_or(FAR);
        let settings = self.zookeeper.settings();
        let mut reader = JobReader::new(settings.clone());
        let mut tally = Tally::default();
        let mut history = EventHistory::default();
        if self.new {
            let Ok(overview) = timeout_at(limit, first_look(&mut reader)).await else {
                return self.show("timeout", &tally.summary(false));
            };
            self.look(&mut tally, begin.elapsed(), &overview);
            say(PROGRAM, "waits for a new job");
            if let Some((epoch, sequence)) = overview.reported {
                history = EventHistory::up_to(epoch, sequence, overview.now);
            }
        }
        // Both who tell are part of this future, and wait while it takes what they have told.
        let (tell, mut told) = unbounded_channel();
        let handler = EventForwarder {
            tell: tell.clone(),
            connection: ConnectionChanges::default(),
        };
        let mut following = pin!(follow(&settings, handler, history, Some(PROGRAM)));
        let mut looking = pin!(look_on(reader, tell));
        loop {
            tokio::select! {
                biased;
                Some(news) = told.recv() => match news {
                    News::Event(event) => tally.event(&event),
                    News::Look(Ok(overview)) => self.look(&mut tally, begin.elapsed(), &overview),
                    News::Look(Err(_)) => tally.unknown(),
                },
                () = sleep_until(limit) => return self.show("timeout", &tally.summary(false)),
                over = &mut following => over?,
                () = &mut looking => {}
            }
            if let Some(ending) = tally.ending(begin.elapsed(), self.settle, self.tasks) {
                let outcome = if ending.failed == 0 {
                    "finished"
                } else {
                    "failed"
                };
                return self.show(outcome, &ending);
            }
        }
    }

    /// Takes what a look has shown. With a part that cannot be read, nobody knows who is there.
    fn look(&self, tally: &mut Tally, now: Duration, overview: &Overview) {
        tally.look(now, &members(overview, !self.new));
        if !overview.unreadable.is_empty() {
            tally.unknown();
        }
    }

    fn show(&self, outcome: &'static str, ending: &JobEnding) -> anyhow::Result<ExitCode> {
        if self.json {
            write_line(&serde_json::to_string(&ResultLine { outcome, ending })?)?;
        } else {
            write_line(&summary(outcome, ending))?;
            for failure in &ending.failures {
                let (task, why) = (&failure.task, &failure.why);
                let node = if *task == failure.node {
                    String::new()
                } else {
                    format!("{}: ", failure.node)
                };
                say(PROGRAM, line(&format!("{task}: {node}{why}")));
            }
            let more = ending.failed.saturating_sub(ending.failures.len());
            if more > 0 {
                say(PROGRAM, format_args!("and {more} more tasks failed"));
            }
            if ending.lost > 0 {
                let lost = ending.lost;
                say(
                    PROGRAM,
                    format_args!(
                        "{lost} events were missed: a task named as failed may have finished"
                    ),
                );
            }
        }
        Ok(match outcome {
            "finished" => ExitCode::SUCCESS,
            "failed" => ExitCode::FAILURE,
            _ => ExitCode::from(TIMED_OUT),
        })
    }
}

/// One line for people: `finished: 12 tasks finished, 0 failed`.
fn summary(outcome: &str, ending: &JobEnding) -> String {
    let JobEnding {
        finished,
        failed,
        running,
        ..
    } = ending;
    let tasks = if *finished == 1 { "task" } else { "tasks" };
    let mut text = format!("{outcome}: {finished} {tasks} finished, {failed} failed");
    if *running > 0 || outcome == "timeout" {
        let run = if *running == 1 { "runs" } else { "run" };
        text = format!("{text}, {running} still {run}");
    }
    text
}

/// All members, as they are now; `with_dead` if the dead are of this job.
fn members(overview: &Overview, with_dead: bool) -> Vec<SeenMember> {
    let master = overview.master.as_ref();
    let is_dedicated = master.is_some_and(|master| is_standing(&master.claim));
    let members = overview.rows.iter().filter_map(|row| {
        let state = match (row.verdict, row.role) {
            (MemberVerdict::Dead, _) if with_dead => MemberState::Dead,
            (MemberVerdict::Dead, _) => return None,
            (_, MemberRole::Standing) => MemberState::Dedicated,
            (_, MemberRole::Master) if is_dedicated => MemberState::Dedicated,
            (MemberVerdict::Ended(ending), _) => MemberState::Ended(ending),
            _ => MemberState::Runs,
        };
        Some(SeenMember {
            node: row.node.clone(),
            task: row.identity.task(),
            state,
        })
    });
    let mut members: Vec<SeenMember> = members.collect();
    if let Some(master) = master
        && !members.iter().any(|member| member.node == master.node)
    {
        // Its claim can be read by its own identity only.
        members.push(SeenMember {
            node: master.node.clone(),
            task: None,
            state: if is_dedicated {
                MemberState::Dedicated
            } else {
                MemberState::Runs
            },
        });
    }
    members
}

/// What was there before: an earlier job's report, and members of this one that were faster. Tries until `ZooKeeper`
/// answers.
async fn first_look(reader: &mut JobReader) -> Overview {
    let mut has_complained = false;
    loop {
        match reader.read().await {
            Ok(overview) => return overview,
            Err(why) if !has_complained => {
                has_complained = true;
                say(PROGRAM, line(&why.to_string()));
            }
            Err(_) => {}
        }
        sleep(LOOK).await;
    }
}

/// Looks again and again, for ever.
async fn look_on(mut reader: JobReader, tell: UnboundedSender<News>) {
    loop {
        // The master's report comes first.
        sleep(LOOK).await;
        // The receiver lives as long as this.
        let _ = tell.send(News::Look(reader.read().await));
    }
}

/// Passes on what the master reports.
struct EventForwarder {
    tell: UnboundedSender<News>,
    connection: ConnectionChanges,
}

impl EventHandler for EventForwarder {
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool> {
        Ok(self.connection.event(connected).is_some())
    }

    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        // The receiver lives as long as this.
        let _ = self.tell.send(News::Event(event.clone()));
        Ok(())
    }

    fn alive(&mut self, _event: &Event) -> anyhow::Result<()> {
        Ok(())
    }
}
