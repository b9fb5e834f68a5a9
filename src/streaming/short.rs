//! Sums of words of up to 15 bytes, which lie in the table itself.
//!
//! A word and its length fill 16 bytes, so two words are compared as two integers, and finding one touches
//! one place in memory. Open addressing with steps of one; a slot without a count is free.

use super::simd;
use std::hash::{BuildHasher, Hasher, RandomState};

/// The longest word that is kept here.
pub(super) const INLINE: usize = 15;

/// Slots at the start. A larger table is filled in no time, and small inputs stay in the cache.
const FIRST: usize = 16 * 1024;

/// Never fewer, whatever the memory limit.
const LEAST: usize = 256;

const SLOT: usize = size_of::<Slot>();

/// A word in its first bytes, zeros, and its length in the last: zeros alone would not tell `a` from `a\0`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Key {
    low: u64,
    high: u64,
}

impl Key {
    pub(super) const EMPTY: Self = Self { low: 0, high: 0 };

    /// The first `len` bytes of `bytes`; what follows them does not matter.
    #[inline]
    pub(super) fn new(bytes: &[u8; 16], len: usize) -> Self {
        const MASKS: [u128; 16] = {
            let mut masks = [0; 16];
            let mut len = 0;
            while len < 16 {
                masks[len] = (1 << (8 * len)) - 1;
                len += 1;
            }
            masks
        };
        let key = u128::from_le_bytes(*bytes) & MASKS[len & 15] | (len as u128) << 120;
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        Self {
            low: key as u64,
            high: (key >> 64) as u64,
        }
    }

    /// The word.
    pub(super) fn word(self, room: &mut [u8; 16]) -> &[u8] {
        *room = (u128::from(self.low) | u128::from(self.high) << 64).to_le_bytes();
        let len = usize::from(room[15]);
        &room[..len]
    }
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: Key,
    /// 0 in a free slot.
    count: u64,
}

/// The table. The caller sees to it that there is room before it adds.
pub(super) struct ShortTable {
    slots: Vec<Slot>,
    used: usize,
    /// Drawn anew in each process: who could tell the slots of words in advance could write a text whose
    /// words all fall on one, and a task over it would never end.
    seed: [u64; 2],
}

impl ShortTable {
    /// An empty table, of a size that `budget` allows.
    pub(super) fn new(budget: usize) -> Self {
        let seed = || RandomState::new().build_hasher().finish();
        Self {
            slots: vec![Slot::default(); (budget / 2 / SLOT).clamp(LEAST, FIRST)],
            used: 0,
            seed: [seed(), seed()],
        }
    }

    /// What the table takes.
    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * SLOT
    }

    /// Whether `more` words would fill more than five eighths: beyond that, looking grows long.
    pub(super) fn is_full(&self, more: usize) -> bool {
        self.used + more > self.slots.len() / 8 * 5
    }

    /// Grows, to twice the size if both the old and the new table fit into `budget` beside `others`.
    /// A growth of less than a quarter is not worth its copy: then nothing changes, and the answer is no.
    pub(super) fn grow(&mut self, budget: usize, others: usize) -> bool {
        let old = self.slots.len();
        let fits = budget.saturating_sub(others + self.bytes()) / SLOT;
        let new = fits.min(old * 2);
        if new < old + old / 4 {
            return false;
        }
        let slots = std::mem::replace(&mut self.slots, vec![Slot::default(); new]);
        for slot in slots.iter().filter(|slot| slot.count > 0) {
            let mut at = self.slot(slot.key);
            while self.slots[at].count > 0 {
                at = self.next(at);
            }
            self.slots[at] = *slot;
        }
        true
    }

    /// The slot at which to begin looking for `key`.
    #[inline]
    pub(super) fn slot(&self, key: Key) -> usize {
        // The folded product of wyhash and foldhash: every bit of the key reaches the high ones.
        let product = u128::from(key.low ^ self.seed[0]) * u128::from(key.high ^ self.seed[1]);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the two halves, and less than the length"
        )]
        {
            let hash = product as u64 ^ (product >> 64) as u64;
            ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
        }
    }

    /// Asks for a slot that will be looked at soon.
    #[inline]
    pub(super) fn prefetch(&self, slot: usize) {
        simd::prefetch(&self.slots, slot);
    }

    /// Counts `key`, beginning to look at its `slot`.
    #[inline]
    pub(super) fn add(&mut self, key: Key, slot: usize) {
        let mut at = slot;
        loop {
            let slot = &mut self.slots[at];
            if slot.key == key {
                slot.count += 1;
                return;
            }
            if slot.count == 0 {
                *slot = Slot { key, count: 1 };
                self.used += 1;
                return;
            }
            at = self.next(at);
        }
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() {
            0
        } else {
            at + 1
        }
    }

    /// All words and their counts.
    pub(super) fn sums(&self) -> impl Iterator<Item = (Key, u64)> {
        self.slots
            .iter()
            .filter(|slot| slot.count > 0)
            .map(|slot| (slot.key, slot.count))
    }
}
