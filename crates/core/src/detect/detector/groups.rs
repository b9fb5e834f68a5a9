//! Members that beat by a relay: it is heard for all of them.

use std::time::Duration;

use super::Detector;
use crate::detect::Sign;

/// Members whose beats are heard together.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// The echo clock's time when all but those that are late were heard last.
    pub(super) heard: Duration,
    late: Vec<String>,
}

impl Detector {
    /// `member` beats by this relay from now on, or by none.
    pub fn set_group(&mut self, member: &str, group: Option<u64>) {
        let since = self.members.get(member).map(|known| self.since(known));
        if let (Some(known), Some(since)) = (self.members.get_mut(member), since)
            && known.group != group
        {
            known.silent_since = since;
            known.group = group;
            known.is_late = false;
        }
    }

    /// A relay says that all of its members have beaten lately, except the late ones, each of which has not for so long.
    pub fn group_heard(&mut self, now: Duration, group: u64, late: &[(String, Duration)]) {
        let reading = self.echo_clock.at(now);
        let names = late.iter().map(|(name, _)| name.clone()).collect();
        let known = self.groups.entry(group).or_default();
        known.heard = reading;
        let earlier = std::mem::replace(&mut known.late, names);
        for (name, silence) in late {
            let Some(member) = self.members.get_mut(name) else {
                continue;
            };
            if member.group == Some(group) && !member.is_late {
                member.is_late = true;
                let since = reading.saturating_sub(*silence);
                // While its value is being read, its silence has no begin.
                member.silent_since = member.silent_since.map(|last| last.max(since));
                self.due = self.due.min(since + self.terms.timeout);
            }
        }
        for name in earlier {
            let is_late = late.iter().any(|(late, _)| *late == name);
            let member = self.members.get(&name).filter(|_| !is_late);
            if member.is_some_and(|member| member.is_late) {
                self.heard(now, &name);
            }
        }
        self.note_group(now, group);
    }

    /// A relay is gone: the silence of each of its members begins with its last word.
    pub fn group_left(&mut self, group: u64) {
        if !self.groups.contains_key(&group) {
            return;
        }
        let members = self.members.iter();
        let members = members.filter(|(_, member)| member.group == Some(group));
        let members: Vec<String> = members.map(|(name, _)| name.clone()).collect();
        for name in members {
            self.set_group(&name, None);
        }
        self.groups.remove(&group);
    }

    /// Whether `member` beats by a relay, and was not late when that was heard last.
    pub fn is_heard_by_group(&self, member: &str) -> bool {
        let member = self.members.get(member).filter(|member| !member.is_late);
        let group = member.and_then(|member| member.group);
        group.is_some_and(|group| self.groups.contains_key(&group))
    }

    fn note_group(&mut self, now: Duration, group: u64) {
        if self.record.is_none() {
            return;
        }
        let members = self.members.iter();
        let heard = members.filter(|(_, one)| one.group == Some(group) && !one.is_late);
        let heard: Vec<String> = heard.map(|(name, _)| name.clone()).collect();
        for name in heard {
            self.note(now, Sign::Heard, &name);
        }
    }
}
