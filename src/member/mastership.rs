//! A master's part: its tenure, its fence, and its ears, a listener for each follower.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc::Sender;
use tokio::task::{AbortHandle, JoinSet};

use super::happening::Happening;
use super::listener::{self, Ear, Noticed, is_no_member};
use crate::clock::Now;
use crate::coordination::{Fence, Session};
use crate::master::tenure::Tenure;

/// What a member is while it is master.
pub(super) struct Mastership {
    pub(super) tenure: Tenure,
    pub(super) fence: Fence,
    ear: Ear,
    /// A task for each follower that is listened to.
    listeners: BTreeMap<String, AbortHandle>,
    /// The followers on the list that was read last.
    members: BTreeSet<String>,
    lists: [AbortHandle; 2],
}

impl Mastership {
    /// Begins to listen: what is heard comes to `outside`.
    pub(super) fn begin(
        tenure: Tenure,
        fence: Fence,
        session: Session,
        outside: Sender<Happening>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let ear = Ear::new(session, tenure.epoch(), outside);
        let lists = [
            tasks.spawn(listener::watch_members(ear.clone())),
            tasks.spawn(listener::watch_requests(ear.clone())),
        ];
        Self {
            tenure,
            fence,
            ear,
            listeners: BTreeMap::new(),
            members: BTreeSet::new(),
            lists,
        }
    }

    /// Listens to nobody any more.
    pub(super) fn end(self) {
        for listener in self.lists.iter().chain(self.listeners.values()) {
            listener.abort();
        }
    }

    /// Lets more requests be read, when some are answered.
    pub(super) fn make_room(&mut self) {
        let answered = self.tenure.take_answered();
        self.ear.requests.add_permits(answered);
    }

    /// Takes a listener's word, and listens to whoever is new.
    pub(super) fn noticed(&mut self, now: Now, noticed: Noticed, tasks: &mut JoinSet<()>) {
        let mut appeared = Vec::new();
        match noticed {
            Noticed::Members(mut names) => {
                let odd = |name: &String| Some((name.clone(), is_no_member(name)?));
                for (name, why) in names.iter().filter_map(odd).collect::<Vec<_>>() {
                    names.remove(&name);
                    self.tenure.pass_over(now, &name, why.to_owned());
                }
                self.tenure.listed(now, &names);
                let known = &self.listeners;
                let new = names.iter().filter(|name| !known.contains_key(*name));
                appeared.extend(new.cloned());
                // Whom nobody listens to any more, since it was passed over, is forgotten when it is gone.
                for gone in self.members.difference(&names) {
                    if self
                        .listeners
                        .get(gone)
                        .is_some_and(AbortHandle::is_finished)
                    {
                        self.listeners.remove(gone);
                        self.tenure.vanished(now, gone);
                    }
                }
                self.members = names;
            }
            Noticed::PassedOver(node, why) => self.tenure.pass_over(now, &node, why),
            Noticed::Heard(node, reading) => self.tenure.heard(now, &node, &reading),
            Noticed::Stirred(node) => self.tenure.stirred(now, &node),
            Noticed::Asked(name, request) => self.tenure.asked(name, request),
            Noticed::Vanished(node) => {
                self.tenure.vanished(now, &node);
                self.listeners.remove(&node);
                // It may have been created again before its end was noticed.
                if self.members.remove(&node) {
                    appeared.push(node);
                }
            }
        }
        self.make_room();
        for node in appeared {
            let listen = listener::listen(self.ear.clone(), node.clone());
            self.listeners.insert(node, tasks.spawn(listen));
        }
    }
}
