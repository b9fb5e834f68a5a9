//! A whole group in a few figures, for commands that show more than one group.

use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::gather::look;
use super::overview::Overview;
use super::row::MemberVerdict;
use heartline_core::clock::SystemClock;
use heartline_zookeeper::{Failure, Session};

/// How long to ask a server that throttles again.
const OVERLOAD_TIMEOUT: Duration = Duration::from_secs(1);

/// The summary of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GroupSummary {
    /// The name of the master.
    pub master: Option<String>,
    /// The master's epoch, by its own report.
    pub epoch: Option<i64>,
    /// The number of members with a znode, including the master.
    pub members: usize,
    /// Members whose last beat is older than it should be.
    pub late: Vec<String>,
    /// Members that make no progress by their own fault.
    pub stalled: Vec<String>,
    /// Members declared dead in the last minutes.
    pub dead: Vec<String>,
}

impl GroupSummary {
    /// Reads all members twice.
    pub async fn read(session: &Session, over: Duration) -> Result<Self, Failure> {
        let clock = SystemClock::start();
        let end = Instant::now() + over + OVERLOAD_TIMEOUT;
        let first = look(session, clock, end).await?;
        sleep(over).await;
        let second = look(session, clock, end).await?;
        Ok(Self::of(&Overview::of(&first, &second, Utc::now())))
    }

    pub(super) fn of(overview: &Overview) -> Self {
        let term = overview.master.as_ref().and_then(|it| it.term.as_ref());
        let mut brief = Self {
            master: overview.master.as_ref().map(|it| it.node.clone()),
            epoch: term.and_then(|term| term.epoch),
            ..Self::default()
        };
        for row in &overview.rows {
            let name = row.node.clone();
            match row.verdict {
                MemberVerdict::Dead => {
                    brief.dead.push(name);
                    continue;
                }
                MemberVerdict::Stalled(_) => brief.stalled.push(name),
                MemberVerdict::Late => brief.late.push(name),
                MemberVerdict::Ended(_)
                | MemberVerdict::Returned(_)
                | MemberVerdict::Doing(_)
                | MemberVerdict::Alive
                | MemberVerdict::Unreadable => {}
            }
            brief.members += 1;
        }
        brief
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::sample;

    #[test]
    fn the_dead_are_no_members_any_more() {
        let brief = GroupSummary::of(&sample::overview());
        assert_eq!(brief.master.as_deref(), Some("map1"));
        assert_eq!((brief.members, brief.epoch), (2, Some(9)));
        assert_eq!(
            (brief.dead, brief.late),
            (vec!["map3".to_owned()], vec!["map2".to_owned()])
        );
        assert!(brief.stalled.is_empty());
    }
}
