//! How much of a stream is inspected, what that says about the whole, and the last inspected bytes. Pure
//! arithmetic: the caller passes in time and bytes.

use std::time::Duration;

/// The time for which one budget is granted.
const WINDOW: Duration = Duration::from_millis(100);

/// The number of bytes that may be inspected: limited in each window of time, so that a fast stream is not slowed down.
#[derive(Debug)]
pub(super) struct Budget {
    window: u64,
    begun: Duration,
    left: u64,
}

impl Budget {
    /// A budget of `per_second` bytes a second.
    pub(super) fn new(per_second: u64) -> Self {
        let windows = 1000 / u64::try_from(WINDOW.as_millis()).unwrap_or(1);
        let window = per_second / windows;
        Self {
            window,
            begun: Duration::ZERO,
            left: window,
        }
    }

    /// How many bytes may be inspected at time `now`.
    pub(super) fn left(&mut self, now: Duration) -> u64 {
        if now >= self.begun + WINDOW {
            self.begun = now;
            self.left = self.window;
        }
        self.left
    }

    pub(super) fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
    }
}

/// The number of records that end in these bytes.
pub(super) fn records_in(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Counts the records of a stream that was inspected only in part: assumes that the other records are as long.
#[derive(Debug, Default)]
pub(super) struct Tally {
    seen_bytes: u64,
    seen_records: u64,
    unseen_bytes: u64,
    estimated: u64,
}

impl Tally {
    /// Adds inspected bytes, and the records that end in them.
    pub(super) fn seen(&mut self, bytes: u64, records: u64) {
        self.seen_bytes += bytes;
        self.seen_records += records;
    }

    /// Adds bytes that were not inspected: returns the estimated number of records in them.
    pub(super) fn unseen(&mut self, bytes: u64) -> u64 {
        self.unseen_bytes += bytes;
        if self.seen_bytes == 0 {
            return 0;
        }
        let all = u128::from(self.unseen_bytes) * u128::from(self.seen_records)
            / u128::from(self.seen_bytes);
        let all = u64::try_from(all).unwrap_or(u64::MAX);
        // Later records may be longer: an earlier estimate is not taken back.
        let more = all.saturating_sub(self.estimated);
        self.estimated += more;
        more
    }
}

/// A record of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The offset of the first kept byte in the stream.
    pub offset: u64,
    /// The record without its newline.
    pub bytes: Vec<u8>,
    /// Whether the record is complete; otherwise its beginning was not kept.
    pub is_whole: bool,
}

/// The last inspected bytes of a stream.
#[derive(Debug)]
pub(super) struct Recent {
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    /// The offset of the end in the stream.
    offset: u64,
}

impl Recent {
    /// How many bytes are kept, and the most that may be added at once.
    pub(super) const KEPT: usize = 128 * 1024;

    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0; 2 * Self::KEPT],
            begin: 0,
            end: 0,
            offset: 0,
        }
    }

    /// The buffer for the next bytes of the stream.
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.buffer.len() - self.end < Self::KEPT {
            let begin = self.begin.max(self.end - Self::KEPT);
            self.buffer.copy_within(begin..self.end, 0);
            self.end -= begin;
            self.begin = 0;
        }
        let end = self.end;
        &mut self.buffer[end..end + Self::KEPT]
    }

    /// Adds the `count` bytes that were put into the buffer, and returns them.
    pub(super) fn filled(&mut self, count: usize) -> &[u8] {
        let begin = self.end;
        self.end += count;
        self.offset += count as u64;
        &self.buffer[begin..self.end]
    }

    /// Notes that `count` bytes of the stream were not inspected.
    pub(super) fn skipped(&mut self, count: u64) {
        self.offset += count;
        (self.begin, self.end) = (0, 0);
    }

    /// The last record that ends at or before `offset` of the stream, as far as it was kept.
    pub(super) fn last_record_before(&self, offset: u64) -> Option<Record> {
        let kept = &self.buffer[self.begin..self.end];
        let first = self.offset - kept.len() as u64;
        let known = usize::try_from(offset.checked_sub(first)?).ok()?;
        let known = &kept[..known.min(kept.len())];
        let end = memchr::memrchr(b'\n', known)?;
        let newline = memchr::memrchr(b'\n', &known[..end]);
        let begin = newline.map_or(0, |newline| newline + 1);
        Some(Record {
            offset: first + begin as u64,
            bytes: known[begin..end].to_vec(),
            is_whole: newline.is_some() || first == 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_for_each_window() {
        let at = Duration::from_millis;
        let mut budget = Budget::new(1000);
        assert_eq!(budget.left(at(0)), 100);
        budget.spend(60);
        assert_eq!(budget.left(at(99)), 40);
        budget.spend(70);
        assert_eq!(budget.left(at(99)), 0);
        assert_eq!(budget.left(at(100)), 100);
        // A budget that was not spent is lost.
        assert_eq!(budget.left(at(900)), 100);
    }

    #[test]
    fn records_not_seen_are_as_long_as_those_seen() {
        let mut tally = Tally::default();
        assert_eq!(tally.unseen(1000), 0);
        tally.seen(100, 10);
        assert_eq!(tally.unseen(1), 100);
        let more: u64 = (0..999).map(|_| tally.unseen(1)).sum();
        assert_eq!(more, 100);
        // The records have become longer: the earlier estimate is not taken back.
        tally.seen(100_000, 0);
        assert_eq!(tally.unseen(10), 0);
    }

    fn add(recent: &mut Recent, bytes: &[u8]) {
        for part in bytes.chunks(Recent::KEPT) {
            recent.space()[..part.len()].copy_from_slice(part);
            assert_eq!(recent.filled(part.len()), part);
        }
    }

    fn last(recent: &Recent, offset: u64) -> Option<(u64, String, bool)> {
        let record = recent.last_record_before(offset)?;
        let text = String::from_utf8(record.bytes).unwrap();
        Some((record.offset, text, record.is_whole))
    }

    #[test]
    fn the_last_record_is_found_by_its_end() {
        let mut recent = Recent::new();
        assert_eq!(last(&recent, 0), None);
        add(&mut recent, b"one\ntwo\nthr");
        assert_eq!(last(&recent, 3), None);
        assert_eq!(last(&recent, 4), Some((0, "one".to_owned(), true)));
        assert_eq!(last(&recent, 7), Some((0, "one".to_owned(), true)));
        assert_eq!(last(&recent, 11), Some((4, "two".to_owned(), true)));
        add(&mut recent, b"ee\n");
        assert_eq!(last(&recent, 99), Some((8, "three".to_owned(), true)));
        recent.skipped(86);
        assert_eq!(last(&recent, 100), None);
        add(&mut recent, b"tail\nnext\n");
        assert_eq!(last(&recent, 99), None);
        assert_eq!(last(&recent, 105), Some((100, "tail".to_owned(), false)));
        assert_eq!(last(&recent, 110), Some((105, "next".to_owned(), true)));
    }

    #[test]
    fn as_much_is_kept_as_was_promised() {
        let mut recent = Recent::new();
        let text: Vec<u8> = (0..100_000)
            .flat_map(|n| format!("{n}\n").into_bytes())
            .collect();
        for size in [1, 1000, Recent::KEPT - 1, 100_000, Recent::KEPT] {
            let before = recent.offset;
            for part in text.chunks(size) {
                add(&mut recent, part);
            }
            let now = before + text.len() as u64;
            assert_eq!(last(&recent, now).unwrap().1, "99999");
            let kept = recent.last_record_before(now - Recent::KEPT as u64 + 20);
            assert!(kept.is_some(), "{size}");
        }
    }
}
