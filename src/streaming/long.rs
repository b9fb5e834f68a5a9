//! Sums of words longer than 15 bytes: their bytes lie in an arena, a table points to them.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// What a table starts with, in entries and in bytes of words.
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
    /// Seeded anew in each process; [`super::short`] says why.
    hasher: RandomState,
}

impl LongTable {
    /// An empty table, which takes no memory yet.
    pub(super) fn new() -> Self {
        Self {
            table: HashTable::new(),
            arena: Vec::new(),
            hasher: RandomState::default(),
        }
    }

    /// What table and arena take.
    pub(super) fn bytes(&self) -> usize {
        self.table.allocation_size() + self.arena.capacity()
    }

    /// Counts `word`. The answer is no, and nothing changes, if it is new and does not fit into `budget` beside `others`.
    pub(super) fn add(&mut self, word: &[u8], budget: usize, others: usize) -> bool {
        let hash = self.hasher.hash_one(word);
        let arena = &self.arena;
        let same = |entry: &Entry| arena[entry.start..entry.start + entry.len] == *word;
        if let Some(entry) = self.table.find_mut(hash, same) {
            entry.count += 1;
            return true;
        }
        if !self.make_room(word.len(), budget.saturating_sub(others)) {
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

    /// Makes room for one more word, if old and new memory together stay within `budget`.
    fn make_room(&mut self, len: usize, budget: usize) -> bool {
        if self.arena.capacity() - self.arena.len() < len {
            let new = (2 * self.arena.capacity())
                .max(FIRST_ARENA)
                .max(self.arena.len() + len);
            if self.bytes() + new > budget {
                return false;
            }
            self.arena.reserve_exact(new - self.arena.len());
        }
        if self.table.len() == self.table.capacity() {
            let entries = (2 * self.table.capacity()).max(FIRST);
            // A table keeps an eighth free, its size is the next power of two, and it has a byte for each
            // entry: never more than this.
            let new = (entries * 8 / 7).next_power_of_two() * (size_of::<Entry>() + 1) + 64;
            if self.bytes() + new > budget {
                return false;
            }
            let (arena, hasher) = (&self.arena, &self.hasher);
            self.table.reserve(entries - self.table.len(), |entry| {
                hasher.hash_one(&arena[entry.start..entry.start + entry.len])
            });
        }
        true
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
