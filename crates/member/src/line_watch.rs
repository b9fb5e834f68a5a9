//! Looks at the first claim in line now and then, and, if that is silent, at all claims ahead of this member's.
//!
//! Whoever is next in line watches the master's claim and deposes it. This is for the case that these have died
//! together: a member further behind finds out who of those ahead is dead while it waits for the first of them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use heartline_core::master::predecessor::ClaimView;
use heartline_core::protocol::claim;
use heartline_zookeeper::{Failure, Session, Value, can_be_looked_up};

use super::candidate::view;
use super::session_event::{ElectionReply, SessionEvent};

/// The shortest pause between two looks: long enough to cost nothing beside the beats.
const LOOK: Duration = Duration::from_millis(500);
/// The shortest pause while the first claim is silent.
const ALARMED_LOOK: Duration = Duration::from_millis(250);
/// The number of looks that see all claims ahead, after the first claim was found silent.
const ALARMED: u32 = 8;
/// Every eighth look lists the whole line again.
const LISTED: u32 = 8;
/// The pause grows by one for each of this many claims ahead of the member.
const FEW: usize = 8;
/// The maximum number of claims that one look reads.
pub(super) const MOST_AHEAD: usize = 32;
/// The number of concurrent reads.
const AT_ONCE: usize = 16;

/// Reports the first claim in line, or those ahead of `own`, after an initial pause of `grace`. The first members in
/// line look twice a second; those further behind look less often, so that a long line does not overload its head.
pub(super) async fn look_ahead(
    session: Session,
    own: String,
    grace: Duration,
    inbox: Sender<SessionEvent>,
) {
    sleep(grace).await;
    let mut watch = LineWatch {
        session,
        own,
        ahead: Vec::new(),
        no_claims: BTreeSet::new(),
        last: None,
        alarmed: 0,
    };
    for look in 0_u32.. {
        sleep(watch.pause()).await;
        let seen = match watch.look(look.is_multiple_of(LISTED)).await {
            Ok(seen) => seen,
            // After a reconnect, a new watch starts.
            Err(Failure::Lost) => return,
            Err(_) => continue,
        };
        let answer = ElectionReply::LineSeen(seen);
        // The runner may have ended in the meantime.
        if inbox.send(SessionEvent::Answered(answer)).await.is_err() {
            return;
        }
    }
}

struct LineWatch {
    session: Session,
    own: String,
    /// The claims ahead of this member's, in order.
    ahead: Vec<String>,
    /// Znodes in the line that no session owns.
    no_claims: BTreeSet<String>,
    /// The first claim and its version at the last look.
    last: Option<(String, i32)>,
    /// The number of looks that still see all claims ahead.
    alarmed: u32,
}

impl LineWatch {
    fn pause(&self) -> Duration {
        let times = (self.ahead.len() / FEW).max(1);
        let pause = if self.alarmed > 0 { ALARMED_LOOK } else { LOOK };
        pause.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
    }

    /// The claims ahead, beginning with the first: only that one, unless it was silent.
    async fn look(&mut self, must_list: bool) -> Result<Vec<(String, ClaimView)>, Failure> {
        // A long line is listed only now and then; usually the first claim is still the same.
        if must_list || self.alarmed > 0 {
            self.list().await?;
        }
        let Some((first, value)) = self.first().await? else {
            self.last = None;
            return Ok(Vec::new());
        };
        let now = (first.clone(), value.stat.version);
        self.alarmed = self.alarmed.saturating_sub(1);
        if self.last.as_ref() == Some(&now) && claim::is_ours(&value.bytes) {
            self.alarmed = ALARMED;
        }
        self.last = Some(now);
        if self.alarmed == 0 {
            return Ok(vec![(first, view(&value))]);
        }
        let claims: Vec<String> = self.ahead.iter().take(MOST_AHEAD).cloned().collect();
        let looks = claims
            .into_iter()
            .map(|claim| see(self.session.clone(), claim));
        let seen = stream::iter(looks).buffered(AT_ONCE);
        // A claim that cannot be read hides those behind it: they are not judged.
        let seen = seen.take_while(|seen| std::future::ready(seen.is_some()));
        Ok(seen.filter_map(std::future::ready).collect().await)
    }

    async fn list(&mut self) -> Result<(), Failure> {
        let line = self.session.line(false).await?;
        if !self.no_claims.is_empty() {
            let names: BTreeSet<&String> = line.iter().collect();
            self.no_claims.retain(|name| names.contains(name));
        }
        let line = claim::in_order(&line).into_iter();
        let line = line.filter(|name| !self.no_claims.contains(*name));
        self.ahead = line
            .take_while(|name| **name != self.own)
            .cloned()
            .collect();
        Ok(())
    }

    /// The first claim ahead, and its value. Lists the line again if the claim was gone.
    async fn first(&mut self) -> Result<Option<(String, Value)>, Failure> {
        let mut listed = false;
        let mut odd = 0;
        let first = loop {
            let Some(first) = self.ahead.get(odd) else {
                break None;
            };
            match self.session.read_claim(first).await? {
                Some(value) if value.stat.is_ephemeral() => break Some((first.clone(), value)),
                Some(_) => {
                    self.no_claims.insert(first.clone());
                    odd += 1;
                }
                None if listed => break None,
                None => {
                    self.list().await?;
                    (listed, odd) = (true, 0);
                }
            }
        };
        self.ahead.drain(..odd.min(self.ahead.len()));
        Ok(first)
    }
}

/// A claim, with its holder's beats if it is also a follower.
async fn see(session: Session, claim: String) -> Option<(String, ClaimView)> {
    let value = session.read_claim(&claim).await.ok()??;
    let holder = claim::holder(&value.bytes);
    let path = session.paths().member(&holder);
    let stat = if can_be_looked_up(&holder) {
        session.client().stat(&path).await.ok().flatten()
    } else {
        None
    };
    // What stands in a claim gives no right over another's znode.
    let stat = stat.filter(|stat| stat.owner == value.stat.owner);
    let view = ClaimView {
        member: stat.map(|stat| stat.version),
        ..view(&value)
    };
    Some((claim, view))
}
