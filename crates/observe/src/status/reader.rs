//! Looks at a namespace again and again, for programs that show what they see all the time.

use chrono::Utc;
use tokio::time::Instant;

use super::connection::{StatusConnection, Unavailable};
use super::gather::{self, Look, look};
use super::overview::Overview;
use super::{ANSWERS, LAST};
use heartline_core::clock::SystemClock;
use heartline_zookeeper::{Settings, can_be_looked_up};

/// Reads all members of a namespace, each time as they are now; rates are those since the reading before.
#[derive(Debug)]
pub struct JobReader {
    connection: StatusConnection,
    clock: SystemClock,
    previous: Option<Look>,
}

impl JobReader {
    /// A reader that has read nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            connection: StatusConnection::new(settings),
            clock: SystemClock::start(),
            previous: None,
        }
    }

    /// Reads all members, within about 5 s. After a failure the next call tries again.
    ///
    /// # Cancel safety
    /// When the future is dropped, the next call reads anew.
    pub async fn read(&mut self) -> Result<Overview, Unavailable> {
        // Rates over an outage say nothing.
        let previous = self.previous.take();
        let session = self.connection.session().await?;
        let end = Instant::now() + ANSWERS.saturating_sub(LAST);
        let reading = look(&session, self.clock, end);
        let second = self.connection.bounded(ANSWERS, reading).await?;
        let first = previous.as_ref().unwrap_or(&second);
        let overview = Overview::of(first, &second, Utc::now());
        self.previous = Some(second);
        Ok(overview)
    }

    /// The snapshot of a stalled member, if there is one.
    pub async fn snapshot(&mut self, node: &str) -> Result<Option<String>, Unavailable> {
        if !can_be_looked_up(node) {
            return Ok(None);
        }
        let session = self.connection.session().await?;
        let end = Instant::now() + ANSWERS.saturating_sub(LAST);
        let names = [node];
        let reading = gather::snapshots(&session, self.clock, &names, end);
        let (found, _) = self.connection.bounded(ANSWERS, reading).await?;
        let snapshot = found.first();
        Ok(snapshot.map(|node| String::from_utf8_lossy(&node.value.bytes).into_owned()))
    }
}
