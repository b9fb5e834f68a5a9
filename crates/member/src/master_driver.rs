//! The state of a member that is master: its master state, its fence, and its follower watcher with one task
//! for each follower.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::follower_watcher::{self, FollowerWatcher, ReadOrder, is_no_member};
use super::session_event::FollowerEvent;
use super::session_event::SessionEvent;
use heartline_core::clock::Now;
use heartline_core::master::state::MasterState;
use heartline_zookeeper::{Fence, Session};

/// The role of a member while it is master.
pub(super) struct MasterDriver {
    pub(super) master_state: MasterState,
    pub(super) fence: Fence,
    watcher: FollowerWatcher,
    /// The watcher task of each follower, and how it is to read.
    listeners: BTreeMap<String, Listener>,
    /// The followers on the most recent list.
    members: BTreeSet<String>,
    lists: [AbortHandle; 2],
}

/// The task that reads one follower.
struct Listener {
    task: AbortHandle,
    orders: watch::Sender<ReadOrder>,
}

impl MasterDriver {
    /// Starts the follower watcher, which sends its events to `outside`.
    pub(super) fn begin(
        master_state: MasterState,
        fence: Fence,
        session: Session,
        outside: Sender<SessionEvent>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let watcher = FollowerWatcher::new(session, master_state.epoch(), outside);
        let lists = [
            tasks.spawn(follower_watcher::watch_members(watcher.clone())),
            tasks.spawn(follower_watcher::watch_requests(watcher.clone())),
        ];
        Self {
            master_state,
            fence,
            watcher,
            listeners: BTreeMap::new(),
            members: BTreeSet::new(),
            lists,
        }
    }

    /// Stops all watcher tasks.
    pub(super) fn end(self) {
        let listeners = self.listeners.values().map(|listener| &listener.task);
        for task in self.lists.iter().chain(listeners) {
            task.abort();
        }
    }

    /// Gives back the permits of answered requests, so that more requests can be read.
    pub(super) fn make_room(&mut self) {
        let answered = self.master_state.take_answered();
        self.watcher.requests.add_permits(answered);
    }

    /// Passes on how the state wants to read its followers.
    pub(super) fn order_reads(&mut self) {
        for (node, mode) in self.master_state.take_reads() {
            if let Some(listener) = self.listeners.get(&node) {
                listener.orders.send_modify(|order| {
                    order.mode = mode;
                    // Once more before a pause, too: with the claim, which is known from then on.
                    order.at_once += 1;
                });
            }
        }
    }

    /// Handles an event of the follower watcher, and starts a task for each new follower.
    pub(super) fn noticed(&mut self, now: Now, noticed: FollowerEvent, tasks: &mut JoinSet<()>) {
        let mut appeared = Vec::new();
        match noticed {
            FollowerEvent::Members(mut names, zxid) => {
                for name in &names {
                    if let Some(why) = is_no_member(name) {
                        self.master_state.pass_over(now, name, why.to_owned());
                    }
                }
                self.master_state.listed(now, &names, zxid);
                names.retain(|name| is_no_member(name).is_none());
                let known = &self.listeners;
                let new = names.iter().filter(|name| !known.contains_key(*name));
                appeared.extend(new.cloned());
                for gone in self.members.difference(&names) {
                    let Some(listener) = self.listeners.get(gone) else {
                        continue;
                    };
                    if listener.task.is_finished() {
                        // A skipped follower has no watcher task any more: forget it when it is gone.
                        self.listeners.remove(gone);
                        self.master_state.vanished(now, gone);
                    } else {
                        // It may not watch the znode now.
                        listener.orders.send_modify(|order| order.at_once += 1);
                    }
                }
                self.members = names;
            }
            FollowerEvent::PassedOver(node, why) => self.master_state.pass_over(now, &node, why),
            FollowerEvent::Heard(node, reading) => self.master_state.heard(now, &node, &reading),
            FollowerEvent::Changed(node) => self.master_state.changed(now, &node),
            FollowerEvent::Asked(name, request) => self.master_state.asked(name, request),
            FollowerEvent::Vanished(node) => {
                self.master_state.vanished(now, &node);
                self.listeners.remove(&node);
                // The znode may have been created again before its removal was noticed.
                if self.members.remove(&node) {
                    appeared.push(node);
                }
            }
        }
        self.make_room();
        for node in appeared {
            let (orders, receiver) = watch::channel(ReadOrder::default());
            let listen = follower_watcher::listen(self.watcher.clone(), node.clone(), receiver);
            let task = tasks.spawn(listen);
            self.listeners.insert(node, Listener { task, orders });
        }
    }
}
