//! The members that beat by a relay, and what the master does not know of them yet. Pure: no clock, no IO.

use std::time::Duration;

use crate::frame::{Frame, LateSlot};
use crate::port::PeerIdentity;

/// Maximum number of members of one relay: a frame names those that are late, and a slot costs the relay memory. Further
/// members connect to the master themselves.
pub(crate) const MOST_SLOTS: usize = 256;

/// A member is late when so many batches went out since its last beat. Its beats and the batches have the same interval
/// and different phases, so that one batch without a beat between is usual.
const LATE: u32 = 3;

/// The bytes of texts in one batch; further news wait for the next one.
const MOST_TEXT: usize = 64 * 1024;

/// The members of a relay, each in a slot, which is its number on the relay's connection.
#[derive(Debug, Default)]
pub struct RelayRoster {
    slots: Vec<Option<Member>>,
}

#[derive(Debug)]
struct Member {
    peer: PeerIdentity,
    /// Whether the master was told of it.
    is_told: bool,
    /// What it has said last, if the master was not told that.
    news: Option<(Option<i32>, Vec<u8>)>,
    /// The version that it has named last.
    version: Option<i32>,
    beaten: Duration,
    /// The number of batches since then.
    batches: u32,
    /// How its connection has ended.
    ended: Option<End>,
}

/// The end of a member's connection.
#[derive(Clone, Copy, Debug)]
struct End {
    goodbye: Option<bool>,
}

impl RelayRoster {
    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// A member has connected. Returns its slot, or `None` if all are taken.
    pub fn join(&mut self, now: Duration, peer: PeerIdentity) -> Option<u16> {
        let member = Member {
            peer,
            is_told: false,
            news: None,
            version: None,
            beaten: now,
            batches: 0,
            ended: None,
        };
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.slots.len());
        if slot >= MOST_SLOTS {
            return None;
        }
        let number = u16::try_from(slot).ok()?;
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(member);
        Some(number)
    }

    /// A member has beaten; `text` is empty if it says nothing new.
    pub fn beat(&mut self, now: Duration, slot: u16, version: Option<i32>, text: Vec<u8>) {
        let Some(member) = self.member(slot) else {
            return;
        };
        member.beaten = now;
        member.batches = 0;
        if member.version != version || !text.is_empty() {
            member.version = version;
            let news = member.news.get_or_insert_default();
            news.0 = version;
            if !text.is_empty() {
                news.1 = text;
            }
        }
    }

    /// The connection of a member has ended, with this goodbye. Its slot is free once the master was told.
    pub fn ended(&mut self, slot: u16, goodbye: Option<bool>) {
        if let Some(member) = self.member(slot) {
            member.ended = Some(End { goodbye });
        }
    }

    fn member(&mut self, slot: u16) -> Option<&mut Member> {
        self.slots.get_mut(usize::from(slot))?.as_mut()
    }

    /// The frames that tell the master what it does not know: they count as told.
    pub fn news(&mut self) -> Vec<Frame> {
        let (mut frames, mut bytes) = (Vec::new(), 0);
        for (slot, place) in (0..).zip(&mut self.slots) {
            let Some(member) = place else {
                continue;
            };
            if bytes > MOST_TEXT {
                break;
            }
            if !member.is_told && member.ended.is_none() {
                member.is_told = true;
                frames.push(Frame::Joined {
                    slot,
                    session: member.peer.session,
                    port: member.peer.port,
                    name: member.peer.name.clone(),
                });
            }
            if let Some((version, text)) = member.news.take_if(|_| member.is_told) {
                bytes += text.len();
                frames.push(Frame::Relayed {
                    slot,
                    version,
                    text,
                });
            }
            if let Some(End { goodbye }) = member.ended {
                if member.is_told {
                    frames.push(Frame::Left { slot, goodbye });
                }
                *place = None;
            }
        }
        frames
    }

    /// The frame that says that all members have beaten lately, except those that it names.
    pub fn group(&mut self, now: Duration) -> Frame {
        let mut late = Vec::new();
        for (slot, member) in (0..).zip(&mut self.slots) {
            let Some(member) = member else {
                continue;
            };
            member.batches = member.batches.saturating_add(1);
            if member.batches > LATE {
                let silence = now.saturating_sub(member.beaten).as_millis();
                let silence_ms = u16::try_from(silence).unwrap_or(u16::MAX);
                late.push(LateSlot { slot, silence_ms });
            }
        }
        Frame::Group { late }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn peer(name: &str) -> PeerIdentity {
        PeerIdentity {
            session: 7,
            name: name.to_owned(),
            port: 4711,
        }
    }

    fn joined(slot: u16, name: &str) -> Frame {
        Frame::Joined {
            slot,
            session: 7,
            port: 4711,
            name: name.to_owned(),
        }
    }

    fn relayed(slot: u16, version: i32, text: &str) -> Frame {
        Frame::Relayed {
            slot,
            version: Some(version),
            text: text.into(),
        }
    }

    #[test]
    fn news_are_told_once_and_the_newest_alone() {
        let mut roster = RelayRoster::default();
        let one = roster.join(ms(0), peer("map1")).unwrap();
        roster.beat(ms(1), one, Some(1), b"old".to_vec());
        roster.beat(ms(2), one, Some(2), b"new".to_vec());
        roster.beat(ms(3), one, Some(3), Vec::new());
        assert_eq!(roster.news(), [joined(one, "map1"), relayed(one, 3, "new")]);
        roster.beat(ms(4), one, Some(3), Vec::new());
        assert_eq!(roster.news(), []);
        roster.beat(ms(5), one, Some(4), Vec::new());
        assert_eq!(roster.news(), [relayed(one, 4, "")]);
    }

    #[test]
    fn a_slot_is_free_once_its_end_was_told() {
        let mut roster = RelayRoster::default();
        let one = roster.join(ms(0), peer("map1")).unwrap();
        roster.news();
        roster.ended(one, Some(true));
        let other = roster.join(ms(1), peer("map2")).unwrap();
        assert_ne!(one, other);
        let left = Frame::Left {
            slot: one,
            goodbye: Some(true),
        };
        assert_eq!(roster.news(), [left, joined(other, "map2")]);
        assert_eq!(roster.join(ms(2), peer("map3")), Some(one));
        // Nobody is told of one that was not told of before.
        roster.ended(one, None);
        assert_eq!(roster.news(), []);
        assert_eq!(roster.join(ms(3), peer("map4")), Some(one));
    }

    #[test]
    fn who_does_not_beat_is_late() {
        let mut roster = RelayRoster::default();
        let one = roster.join(ms(0), peer("map1")).unwrap();
        let other = roster.join(ms(0), peer("map2")).unwrap();
        for at in [5, 10, 15] {
            roster.beat(ms(at), one, None, Vec::new());
            assert_eq!(roster.group(ms(at)), Frame::Group { late: vec![] });
        }
        let silent = LateSlot {
            slot: other,
            silence_ms: 20,
        };
        roster.beat(ms(20), one, None, Vec::new());
        let late = vec![silent];
        assert_eq!(roster.group(ms(20)), Frame::Group { late });
        roster.beat(ms(21), other, None, Vec::new());
        assert_eq!(roster.group(ms(25)), Frame::Group { late: vec![] });
    }

    #[test]
    fn members_and_texts_are_bounded() {
        let mut roster = RelayRoster::default();
        for number in 0..MOST_SLOTS {
            let slot = roster.join(ms(0), peer(&format!("map{number}"))).unwrap();
            roster.beat(ms(0), slot, Some(1), vec![b'x'; 4000]);
        }
        assert_eq!(roster.join(ms(0), peer("map")), None);
        let mut told = 0;
        for _ in 0..MOST_SLOTS {
            let news = roster.news();
            let texts = news
                .iter()
                .filter(|frame| matches!(frame, Frame::Relayed { .. }));
            assert!(texts.clone().count() * 4000 <= MOST_TEXT + 4000);
            told += texts.count();
        }
        assert_eq!(told, MOST_SLOTS);
    }
}
