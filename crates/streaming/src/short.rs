//! Sums of words of up to 15 bytes, which are stored in the table itself.
//!
//! A word and its length fill 16 bytes, so two words are compared as two integers, and finding one touches
//! one place in memory. The table uses open addressing with steps of one; a slot with the count 0 is free.

use super::simd;
use std::hash::{BuildHasher, Hasher, RandomState};

/// The longest word stored here, in bytes.
pub(super) const INLINE: usize = 15;

/// Slots at the start. A large input fills them and makes the table grow quickly; a small one stays in the cache.
const FIRST: usize = 16 * 1024;

/// The minimum number of slots, whatever the memory limit.
const LEAST: usize = 256;

const SLOT: usize = size_of::<Slot>();

/// A word in the first bytes, then zeros, and its length in the last byte: zeros alone would not distinguish `a` from
/// `a\0`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Key {
    low: u64,
    high: u64,
}

impl Key {
    pub(super) const EMPTY: Self = Self { low: 0, high: 0 };

    /// The key of the first `len` bytes of `bytes`; what follows them does not matter.
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

    /// The word, written into `room`.
    pub(super) fn word(self, room: &mut [u8; 16]) -> &[u8] {
        *room = (u128::from(self.low) | u128::from(self.high) << 64).to_le_bytes();
        let len = usize::from(room[15]);
        &room[..len]
    }
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: Key,
    /// How often the word was counted; 0 in a free slot.
    count: u64,
}

/// The table. The caller makes room before it adds.
pub(super) struct ShortTable {
    slots: Vec<Slot>,
    used: usize,
    /// The limit for the slots, in bytes.
    budget: usize,
    /// Drawn at random in each process: with a known seed, somebody could write a text whose words all fall on one
    /// slot, and a task that reads it would never end.
    seed: [u64; 2],
}

impl ShortTable {
    /// An empty table that will use at most `budget` bytes.
    ///
    /// It never shrinks, and not only for speed: an allocator gives a large block back to the
    /// system when it is freed, but may serve later ones of that size from a heap that it keeps.
    pub(super) fn new(budget: usize) -> Self {
        let seed = || RandomState::new().build_hasher().finish();
        Self {
            slots: vec![Slot::default(); (budget / 2 / SLOT).clamp(LEAST, FIRST)],
            used: 0,
            budget,
            seed: [seed(), seed()],
        }
    }

    /// Bytes that the table uses.
    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * SLOT
    }

    /// Makes room for `more` words if there is none: beyond a load of five eighths, lookups become slow. Returns
    /// `false` if the table is full and may not grow.
    #[inline]
    pub(super) fn make_room(&mut self, more: usize) -> bool {
        self.used + more <= self.slots.len() / 8 * 5 || self.grow()
    }

    /// Grows to twice the size if both the old and the new table fit into the budget. Growth by less than
    /// a quarter is not worth the copy.
    #[cold]
    fn grow(&mut self) -> bool {
        let old = self.slots.len();
        let fits = self.budget.saturating_sub(self.bytes()) / SLOT;
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

    /// Removes all words. With `widen` the table then takes its whole budget, which was not possible while an old
    /// table had to be copied.
    pub(super) fn clear(&mut self, widen: bool) {
        self.used = 0;
        let most = self.budget / SLOT;
        if widen && most > self.slots.len() {
            // The old one is freed first.
            self.slots = Vec::new();
            self.slots = vec![Slot::default(); most];
        } else {
            self.slots.fill(Slot::default());
        }
    }

    /// The slot where the search for `key` begins.
    #[inline]
    pub(super) fn slot(&self, key: Key) -> usize {
        // The folded product of wyhash and foldhash: every bit of the key affects the high bits.
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

    /// Prefetches a slot that will be read soon.
    #[inline]
    pub(super) fn prefetch(&self, slot: usize) {
        simd::prefetch(&self.slots, slot);
    }

    /// Counts `key`, starting the search at `slot`.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        let mut bytes = [b'z'; 16];
        let text = number.to_string();
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Key::new(&bytes, text.len())
    }

    #[test]
    fn a_key_is_its_word_and_nothing_else() {
        for word in [
            &b"a"[..],
            b"a\0",
            b"\0",
            b"\0\0",
            b"fifteen letters",
            &[0xff; INLINE],
        ] {
            let (mut zeros, mut others) = ([0; 16], [b'x'; 16]);
            zeros[..word.len()].copy_from_slice(word);
            others[..word.len()].copy_from_slice(word);
            let key = Key::new(&zeros, word.len());
            assert_eq!(key, Key::new(&others, word.len()));
            assert_eq!(key.word(&mut [0; 16]), word);
            assert_ne!(key, Key::EMPTY);
        }
        assert_ne!(Key::new(&[0; 16], 1), Key::new(&[0; 16], 2));
    }

    #[test]
    fn sums_survive_growth_until_the_budget_is_full() {
        for budget in [0, 100_000, 3_000_000] {
            let mut table = ShortTable::new(budget);
            let least = LEAST * SLOT;
            let fill = |table: &mut ShortTable| {
                let mut words = 0;
                while table.make_room(1) {
                    for _ in 0..=words % 3 {
                        table.add(key(words), table.slot(key(words)));
                    }
                    words += 1;
                }
                let mut sums: Vec<u64> = (0..words).map(|_| 0).collect();
                for (key, count) in table.sums() {
                    let mut room = [0; 16];
                    let word: usize = str::from_utf8(key.word(&mut room))
                        .unwrap()
                        .parse()
                        .unwrap();
                    sums[word] += count;
                }
                assert!((0..words).all(|word| sums[word] == word as u64 % 3 + 1));
                words
            };
            let first = fill(&mut table);
            assert!(
                table.bytes() <= budget.max(least),
                "{} of {budget}",
                table.bytes()
            );
            table.clear(true);
            assert_eq!(table.sums().count(), 0);
            let second = fill(&mut table);
            assert!(
                table.bytes() <= budget.max(least),
                "{} of {budget}",
                table.bytes()
            );
            assert!(
                second >= first.max(budget / SLOT / 2),
                "{first} words, then {second}"
            );
        }
    }

    #[test]
    fn tables_are_seeded_apart() {
        let [one, other] = [ShortTable::new(0), ShortTable::new(0)];
        assert!((0..100).any(|word| one.slot(key(word)) != other.slot(key(word))));
    }
}
