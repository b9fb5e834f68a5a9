//! Sums of words longer than 15 bytes: their bytes are in an arena, and a table points to them.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Initial capacity of the table (entries) and of the arena (bytes).
const FIRST: usize = 112;
const FIRST_ARENA: usize = 4096;

struct Entry {
    start: usize,
    len: usize,
    count: u64,
}

/// The table and its arena.
pub(super) struct LongTable {
    table: HashTable<Entry>,
    arena: Vec<u8>,
    /// The limit for both together, in bytes.
    budget: usize,
    /// Bytes ever allocated: the allocator may keep what is freed while a table grows.
    spent: usize,
    /// A new seed in each process; [`super::short`] says why.
    hasher: RandomState,
}

impl LongTable {
    /// An empty table that will use at most `budget` bytes, and uses none yet.
    pub(super) fn new(budget: usize) -> Self {
        Self {
            table: HashTable::new(),
            arena: Vec::new(),
            budget,
            spent: 0,
            hasher: RandomState::default(),
        }
    }

    /// Counts `word`. Returns `false`, and changes nothing, if the word is new and there is no room for it.
    pub(super) fn add(&mut self, word: &[u8]) -> bool {
        let hash = self.hasher.hash_one(word);
        let arena = &self.arena;
        let same = |entry: &Entry| arena[entry.start..entry.start + entry.len] == *word;
        if let Some(entry) = self.table.find_mut(hash, same) {
            entry.count += 1;
            return true;
        }
        if !self.make_room(word.len()) {
            return false;
        }
        let entry = Entry {
            start: self.arena.len(),
            len: word.len(),
            count: 1,
        };
        self.arena.extend_from_slice(word);
        let (arena, hasher) = (&self.arena, &self.hasher);
        self.table.insert_unique(hash, entry, |entry| {
            hasher.hash_one(&arena[entry.start..entry.start + entry.len])
        });
        true
    }

    /// Makes room for one more word of `len` bytes if the budget allows.
    fn make_room(&mut self, len: usize) -> bool {
        if self.arena.capacity() - self.arena.len() < len {
            let new = (2 * self.arena.capacity())
                .max(FIRST_ARENA)
                .max(self.arena.len() + len);
            if self.spent + new > self.budget {
                return false;
            }
            self.arena.reserve_exact(new - self.arena.len());
            self.spent += self.arena.capacity();
        }
        if self.table.len() == self.table.capacity() {
            let entries = (2 * self.table.capacity()).max(FIRST);
            // A table keeps an eighth free, its size is the next power of two, and it needs one more byte for
            // each entry: never more than this.
            let new = (entries * 8 / 7).next_power_of_two() * (size_of::<Entry>() + 1) + 64;
            if self.spent + new > self.budget {
                return false;
            }
            let (arena, hasher) = (&self.arena, &self.hasher);
            self.table.reserve(entries - self.table.len(), |entry| {
                hasher.hash_one(&arena[entry.start..entry.start + entry.len])
            });
            self.spent += self.table.allocation_size();
        }
        true
    }

    /// Removes all words and their sums.
    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.arena.clear();
    }

    /// All words and their counts.
    pub(super) fn sums(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.table.iter().map(|entry| {
            (
                &self.arena[entry.start..entry.start + entry.len],
                entry.count,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_stays_within_the_budget() {
        for budget in [0, 10_000, 100_000, 1_000_000] {
            let mut table = LongTable::new(budget);
            let taken = (0..100_000)
                .take_while(|word| table.add(format!("a word and its number {word}").as_bytes()))
                .count();
            assert!(table.spent <= budget, "{} of {budget}", table.spent);
            let now = table.table.allocation_size() + table.arena.capacity();
            assert!(now <= table.spent, "{now} of {}", table.spent);
            // An entry and its word take about 60 bytes; half the budget or more may go to copies and growth.
            assert!(
                taken >= budget / 300,
                "only {taken} words in {budget} bytes"
            );
            assert_eq!(table.sums().count(), taken);
            table.clear();
            assert_eq!(table.sums().count(), 0);
        }
    }
}
