//! What a watcher has told already of the master's events, which the reports repeat.

use crate::protocol::{Event, EventKind};

/// What was told already.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Epoch and number of the last event.
    last: (i64, u64),
    /// The epoch whose master was told.
    epoch: i64,
}

impl Told {
    /// As one that has told all up to this event.
    pub(crate) fn up_to(epoch: i64, sequence: u64) -> Self {
        Self {
            last: (epoch, sequence),
            epoch,
        }
    }

    /// Epochs only grow, so a lower one is of a ZooKeeper that has lost its data: all is new again.
    pub(crate) fn see(&mut self, epoch: Option<i64>) {
        if epoch.is_some_and(|epoch| epoch < self.last.0) {
            *self = Self::default();
        }
    }

    /// Whether an event is to be told; from then on it is not.
    pub(crate) fn is_new(&mut self, event: &Event) -> bool {
        let number = (event.epoch.unwrap_or(0), event.sequence.unwrap_or(0));
        if number <= self.last {
            return false;
        }
        self.last = number;
        event.event != EventKind::Claimed || self.is_new_master(event)
    }

    /// Whether a master is to be told of.
    pub(crate) fn is_new_master(&mut self, claimed: &Event) -> bool {
        let epoch = claimed.epoch.unwrap_or(0);
        let new = epoch > self.epoch;
        self.epoch = self.epoch.max(epoch);
        new
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    fn event(epoch: i64, sequence: u64, event: EventKind) -> Event {
        Event {
            sequence: Some(sequence),
            ..Event::of(Utc::now(), event, "map1.0", Some(epoch))
        }
    }

    #[test]
    fn what_reports_repeat_is_told_once() {
        let mut told = Told::default();
        assert!(told.is_new(&event(5, 1, EventKind::Claimed)));
        assert!(told.is_new(&event(5, 2, EventKind::Joined)));
        assert!(!told.is_new(&event(5, 1, EventKind::Claimed)));
        assert!(!told.is_new(&event(5, 2, EventKind::Joined)));
        // A reset begins to count anew, in a later epoch.
        assert!(told.is_new(&event(9, 1, EventKind::Claimed)));
        assert!(!told.is_new(&event(5, 3, EventKind::Died)));
    }

    #[test]
    fn one_goes_on_where_another_ended() {
        let mut told = Told::up_to(5, 2);
        assert!(!told.is_new_master(&event(5, 0, EventKind::Claimed)));
        assert!(!told.is_new(&event(5, 2, EventKind::Joined)));
        assert!(told.is_new(&event(5, 3, EventKind::Died)));
        assert!(told.is_new(&event(9, 1, EventKind::Claimed)));
    }

    #[test]
    fn a_zookeeper_without_its_data_begins_anew() {
        let mut told = Told::default();
        assert!(told.is_new(&event(50, 9, EventKind::Claimed)));
        told.see(Some(3));
        assert!(told.is_new(&event(3, 1, EventKind::Claimed)));
    }

    #[test]
    fn a_master_found_in_office_is_told_once() {
        let mut told = Told::default();
        assert!(told.is_new_master(&event(5, 0, EventKind::Claimed)));
        assert!(!told.is_new(&event(5, 1, EventKind::Claimed)));
        assert!(told.is_new(&event(5, 2, EventKind::Joined)));
    }
}
