//! Finds the jobs below a path, again and again.

use super::ANSWERS;
use super::connection::{StatusConnection, Unavailable};
use heartline_zookeeper::Settings;

/// Maximum number of names that are looked at.
const MOST_NAMES: usize = 1000;

/// Finds the namespaces directly below another one.
#[derive(Debug)]
pub struct JobFinder {
    connection: StatusConnection,
}

impl JobFinder {
    /// A finder of the jobs below the namespace of these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            connection: StatusConnection::new(settings),
        }
    }

    /// The names of all jobs below the path, in order, within 5 s: znodes that hold the line of a master. Of a thousand names
    /// at most.
    ///
    /// # Errors
    /// If ZooKeeper does not answer. The next call tries again.
    ///
    /// # Cancel safety
    /// When the future is dropped, the next call looks anew.
    pub async fn find(&mut self) -> Result<Vec<String>, Unavailable> {
        let session = self.connection.session().await?;
        let found = session.jobs_below(MOST_NAMES);
        self.connection.bounded(ANSWERS, found).await
    }
}
