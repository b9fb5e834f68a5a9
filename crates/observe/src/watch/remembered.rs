//! The names of followers that a watcher has seen: all that exist, and the latest of those that are gone.

use std::collections::{BTreeMap, VecDeque};

/// The names that are remembered.
#[derive(Debug)]
pub(super) struct Remembered {
    /// The maximum number of followers that are remembered after they are gone.
    most_gone: usize,
    /// The known names, each with the number of the follower's removal; 0 while it exists.
    names: BTreeMap<String, u64>,
    /// The removals, the latest last; some of these followers have returned.
    gone: VecDeque<(u64, String)>,
    removals: u64,
}

impl Remembered {
    pub(super) fn new(most_gone: usize) -> Self {
        Self {
            most_gone,
            names: BTreeMap::new(),
            gone: VecDeque::new(),
            removals: 0,
        }
    }

    /// A follower exists. Returns whether its name is new.
    pub(super) fn exists(&mut self, node: &str) -> bool {
        self.names.insert(node.to_owned(), 0).is_none()
    }

    pub(super) fn contains(&self, node: &str) -> bool {
        self.names.contains_key(node)
    }

    /// A follower is gone. Returns the name that is forgotten for it, if there is one.
    pub(super) fn is_gone(&mut self, node: String) -> Option<String> {
        self.removals += 1;
        self.names.insert(node.clone(), self.removals);
        self.gone.push_back((self.removals, node));
        if self.gone.len() <= self.most_gone {
            return None;
        }
        let (number, first) = self.gone.pop_front()?;
        // Unless it has returned since then.
        if self.names.get(&first) != Some(&number) {
            return None;
        }
        self.names.remove(&first);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_all_that_exist() {
        let mut remembered = Remembered::new(2);
        assert!(remembered.exists("stays"));
        assert!(!remembered.exists("stays"));
        let mut forgotten = Vec::new();
        for number in 0..1000 {
            let name = format!("map{number}");
            assert!(remembered.exists(&name));
            forgotten.extend(remembered.is_gone(name));
        }
        assert_eq!(forgotten.len(), 998);
        assert!(remembered.gone.len() <= 2 && remembered.names.len() <= 3);
        assert!(remembered.contains("stays") && remembered.contains("map999"));
        // A follower that has returned is kept, and counts as gone from its last removal on.
        assert!(!remembered.exists("map998"));
        assert_eq!(remembered.is_gone("map1000".to_owned()), None);
        assert!(remembered.contains("map998"));
        assert_eq!(
            remembered.is_gone("map998".to_owned()).as_deref(),
            Some("map999")
        );
    }
}
