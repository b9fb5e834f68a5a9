//! Records jobs while they are shown: one more that is told of each.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::composer::{BLOCK_MS, ComposedBlock, Composer};
use super::file::RecordingFile;
use crate::job::Job;
use crate::subscriber::{Message, MessageKind, Subscriber};
use heartline_process::say::say;

/// The pause after a block that could not be written: the disk may have room again.
const PAUSE: Duration = Duration::from_secs(10);

/// Records jobs to one file.
#[derive(Debug)]
pub(crate) struct Recorder {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Recorder {
    /// Starts to record these jobs. Messages for people begin with the name of the program.
    pub(crate) fn start(program: &'static str, jobs: &[Arc<Job>], file: RecordingFile) -> Self {
        let (stop, _) = watch::channel(false);
        let file = Arc::new(Mutex::new(file));
        let mut tasks = JoinSet::new();
        for job in jobs {
            let number = locked(&file).job(job.namespace());
            let period_ms = job.period().as_secs_f64() * 1e3;
            let one = JobRecorder {
                program,
                composer: Composer::new(number, job.namespace().to_owned(), period_ms),
                file: Arc::clone(&file),
                is_failing: false,
            };
            let subscriber = Subscriber::new(Arc::clone(job), 0);
            tasks.spawn(one.run(subscriber, stop.subscribe()));
        }
        Self { stop, tasks }
    }

    /// Waits until there is no room for more.
    ///
    /// # Cancel safety
    /// The recording goes on when the future is dropped.
    pub(crate) async fn full(&mut self) {
        self.tasks.join_next().await;
    }

    /// Writes what is not written yet, and ends.
    pub(crate) async fn stop(mut self) {
        // Tasks that have ended do not listen.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

struct JobRecorder {
    program: &'static str,
    composer: Composer,
    file: Arc<Mutex<RecordingFile>>,
    /// Whether the last block could not be written.
    is_failing: bool,
}

impl JobRecorder {
    async fn run(mut self, mut subscriber: Subscriber, mut stop: watch::Receiver<bool>) {
        loop {
            let told = tokio::select! {
                told = timeout(Duration::from_millis(BLOCK_MS), subscriber.next()) => told,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let block = match told {
                Ok(Some(message)) => self.told(&mut subscriber, &message),
                Ok(None) => break,
                Err(_) => self.composer.due(now()),
            };
            let Some(block) = block else { continue };
            match self.write(block).await {
                Ok(true) => self.is_failing = false,
                Ok(false) => {
                    self.complain("it has reached --max-size; nothing more is recorded");
                    return;
                }
                Err(error) => {
                    if !self.is_failing {
                        let text = format!("cannot be written: {error}; the recording has a gap");
                        self.complain(&text);
                    }
                    self.is_failing = true;
                    self.composer.lost();
                    tokio::select! {
                        () = sleep(PAUSE) => {}
                        _ = stop.wait_for(|stop| *stop) => break,
                    }
                }
            }
        }
        if let Some(block) = self.composer.end()
            && let Err(error) = self.write(block).await
        {
            self.complain(&format!("its last seconds cannot be written: {error}"));
        }
    }

    /// Adds a message, or everything at times. Returns a block that is whole.
    fn told(&mut self, subscriber: &mut Subscriber, message: &Message) -> Option<ComposedBlock> {
        let now = now();
        // In a recording, a snapshot has all events.
        if message.kind == MessageKind::Snapshot || self.composer.needs_snapshot(now) {
            return self.composer.push(now, &subscriber.whole());
        }
        self.composer.push(now, message)
    }

    async fn write(&self, block: ComposedBlock) -> io::Result<bool> {
        let file = Arc::clone(&self.file);
        let written = spawn_blocking(move || locked(&file).append(&block)).await;
        written.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn complain(&self, what: &str) {
        let path = locked(&self.file).path().display().to_string();
        say(self.program, format!("{path}: {what}"));
    }
}

fn locked(file: &Mutex<RecordingFile>) -> std::sync::MutexGuard<'_, RecordingFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time in milliseconds since 1970.
fn now() -> u64 {
    u64::try_from(Utc::now().timestamp_millis()).unwrap_or_default()
}
