//! The state of the terminal view: what is known, what is shown of it, and what is chosen. Pure: readings, events, keys
//! and time go in; a picture and actions come out.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::listing::{Wish, listing};
use super::model::Model;
use crate::history::KnownMember;
use heartline_core::clock::Now;
use heartline_core::protocol::{Event, EventKind};
use heartline_observe::status::Overview;

/// How long a message stands in the last line.
const NOTICE: Duration = Duration::from_secs(15);

/// What fills the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// All members.
    Table,
    /// One member, by its name.
    Details(String),
    /// The last events.
    Events,
}

/// What takes the keys instead of the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dialog {
    /// The filter is written; it was this one before.
    Filter(String),
    /// Whether to end this member is asked.
    Kill(String),
    /// The keys and states are explained.
    Help,
}

/// The snapshot of the member whose details are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StallSnapshot {
    /// It was asked for.
    Asked,
    /// There is none.
    Missing,
    /// Its text.
    Text(String),
    /// Why it cannot be read.
    Failed(String),
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TopAction {
    /// The program ends.
    Quit,
    /// The program stops, as by Ctrl-Z.
    Suspend,
    /// The screen is drawn anew, whatever stands there.
    Redraw,
    /// The master is asked to end this member.
    Kill(String),
    /// The snapshot of this member is read.
    Snapshot(String),
}

/// The whole state.
#[derive(Debug)]
pub(super) struct TopState {
    /// The path above all znodes of the job.
    pub(super) namespace: String,
    live: Model,
    /// What is shown while the picture is paused.
    frozen: Option<Box<Model>>,
    pub(super) wish: Wish,
    pub(super) view: View,
    pub(super) dialog: Option<Dialog>,
    /// The lines above the first one that is shown, of details, events and help.
    pub(super) scroll: usize,
    pub(super) snapshot: StallSnapshot,
    /// A message, and when it came.
    notice: Option<(Duration, String)>,
    /// The members in the table, by their indexes, unless they are to be listed anew.
    listed: Option<Vec<usize>>,
    /// The name of the chosen member, and its place in the table.
    chosen: Option<String>,
    pub(super) place: usize,
    /// The first row that is shown.
    pub(super) first: usize,
    /// Number of rows that fit; the drawing says it.
    pub(super) page: usize,
}

impl TopState {
    /// A state in which nothing is known.
    pub(super) fn new(namespace: String, period: Duration, wish: Wish) -> Self {
        Self {
            namespace,
            live: Model::new(period),
            frozen: None,
            wish,
            view: View::Table,
            dialog: None,
            scroll: 0,
            snapshot: StallSnapshot::Missing,
            notice: None,
            listed: None,
            chosen: None,
            place: 0,
            first: 0,
            page: 1,
        }
    }

    /// What is shown.
    pub(super) fn model(&self) -> &Model {
        self.frozen.as_deref().unwrap_or(&self.live)
    }

    /// Whether ZooKeeper cannot be read now, also while the picture is paused.
    pub(super) fn away(&self) -> Option<&(DateTime<Utc>, String)> {
        self.live.away.as_ref()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.frozen.is_some()
    }

    pub(super) fn pause(&mut self) {
        self.frozen = match self.frozen.take() {
            Some(_) => None,
            None => Some(Box::new(self.live.clone())),
        };
        self.listed = None;
    }

    /// A reading that took `took` and ended at `now`.
    pub(super) fn take(&mut self, took: Duration, now: Duration, overview: &Overview) {
        self.live.take(took, now, overview);
        self.changed();
    }

    /// A reading has failed.
    pub(super) fn unavailable(&mut self, at: DateTime<Utc>, why: String) {
        self.live.unavailable(at, why);
    }

    /// Something has happened. Returns what is to be done.
    pub(super) fn event(&mut self, now: Duration, event: &Event) -> Option<TopAction> {
        self.live.event(now, event);
        self.changed();
        let node = event.node.as_ref()?;
        let is_shown = matches!(&self.view, View::Details(shown) if shown == node);
        // A new snapshot replaces the one that was read.
        let is_news = matches!(event.event, EventKind::Snapshot | EventKind::Recovered);
        (is_shown && is_news).then(|| TopAction::Snapshot(node.clone()))
    }

    fn changed(&mut self) {
        if self.frozen.is_none() {
            self.listed = None;
        }
    }

    /// The snapshot of a member was read, or could not be.
    pub(super) fn snapshot(&mut self, node: &str, read: Result<Option<String>, String>) {
        if matches!(&self.view, View::Details(shown) if shown == node) {
            self.snapshot = match read {
                Ok(Some(text)) => StallSnapshot::Text(text),
                Ok(None) => StallSnapshot::Missing,
                Err(why) => StallSnapshot::Failed(why),
            };
        }
    }

    /// A message in the last line.
    pub(super) fn say(&mut self, now: Now, message: String) {
        self.notice = Some((now.elapsed, message));
    }

    /// The message, if there is one at this time.
    pub(super) fn notice(&self, now: Now) -> Option<&str> {
        let (said, message) = self.notice.as_ref()?;
        (now.elapsed.saturating_sub(*said) < NOTICE).then_some(message)
    }

    pub(super) fn notice_was_read(&mut self) {
        self.notice = None;
    }

    /// The members in the table, by their indexes.
    pub(super) fn listed(&mut self) -> &[usize] {
        let listed = if let Some(listed) = self.listed.take() {
            listed
        } else {
            let listed = listing(self.model(), &self.wish);
            self.follow_chosen(&listed);
            listed
        };
        self.listed.insert(listed)
    }

    /// The choice follows the member; if that is not in the table, its place counts.
    fn follow_chosen(&mut self, listed: &[usize]) {
        let index = self.chosen.as_ref();
        let index = index.and_then(|node| self.model().history.index(node));
        let place = index.and_then(|index| listed.iter().position(|one| *one == index));
        self.place = place
            .unwrap_or(self.place)
            .min(listed.len().saturating_sub(1));
    }

    /// Chooses the member at a place of the table, or the last one.
    pub(super) fn choose(&mut self, place: usize) {
        let most = self.listed().len().saturating_sub(1);
        self.place = place.min(most);
        self.chosen = self.chosen_member().map(|member| member.name().to_owned());
    }

    /// The member that is chosen in the table.
    pub(super) fn chosen_member(&mut self) -> Option<KnownMember<'_>> {
        let place = self.place;
        let index = *self.listed().get(place)?;
        self.model().history.known(index)
    }

    /// Lists anew, because the wish has changed.
    pub(super) fn relist(&mut self) {
        self.listed = None;
    }

    /// Moves what is shown so that the chosen row is on it, of `page` rows.
    pub(super) fn scroll_to_chosen(&mut self, page: usize) {
        self.page = page.max(1);
        let count = self.listed().len();
        let most = count.saturating_sub(self.page);
        let least = (self.place + 1).saturating_sub(self.page);
        self.first = self.first.clamp(least, self.place.max(least)).min(most);
    }
}
