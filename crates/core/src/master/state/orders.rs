//! The master's instructions to its followers: the interval of their beats, and the orders of operators.

use std::collections::VecDeque;
use std::time::Duration;

use super::limits::fitting;
use super::{MasterConfig, MasterState, Pending};
use crate::clock::Now;
use crate::master::pacing::Pacing;
use crate::master::transaction::{Outcome, Write};
use crate::protocol::Identity;
use crate::protocol::control::{Action, Control, Order, Process};
use crate::protocol::escape::LONGEST_NAME;
use crate::protocol::request::{Request, Response};

/// How long an order stands. A member that is disconnected for longer starts anew when it is back.
const STANDS: Duration = Duration::from_secs(30);
/// How long the order to end a job stands: tasks that Hadoop starts in the meantime end too. Tasks that are
/// left after an hour need a new request.
const JOB_STANDS: Duration = Duration::from_secs(3600);
/// Maximum number of waiting requests; further requests have to wait unread.
const MOST_REQUESTS: usize = 256;
/// Maximum number of standing orders: every member reads all of them.
const MOST_ORDERS: usize = 256;
/// The pause after a control that ZooKeeper refused to write: its ACL may be corrected.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// The current instructions, and those that wait to be written.
#[derive(Debug)]
pub(super) struct Orders {
    pacing: Pacing,
    /// Maximum size of all standing orders in bytes.
    room: usize,
    /// The standing orders, each with the time when it was given.
    standing: Vec<(Duration, Order)>,
    requests: VecDeque<(String, Request)>,
    /// Number of answered requests that the driver has not taken yet.
    answered: usize,
    /// The content of the control znode.
    pub(super) issued: Control,
    /// If ZooKeeper has refused to write that content: when to try again.
    try_again: Option<Duration>,
    /// The last write was an instruction: beats and reports get their turn.
    yields: bool,
}

/// The orders made from one request, while they are being written.
#[derive(Debug)]
pub(super) struct Issue {
    control: Control,
    orders: Vec<Order>,
    answers: bool,
}

/// The size of an order in the control's value, in bytes.
fn size(order: &Order) -> usize {
    order.to_string().len() + 1
}

/// The interval in ZooKeeper, and the one of direct connections if it is another one. `senders` is the number of those
/// connections.
fn intervals(
    pacing: &mut Pacing,
    (followers, senders): (usize, usize),
) -> (Option<Duration>, Option<Duration>) {
    let interval = pacing.interval(followers);
    let direct = pacing.direct_interval(senders);
    (Some(interval), (direct != interval).then_some(direct))
}

impl Orders {
    /// Continues from the last written control, by this master before it was disconnected or by another
    /// master, with this number of followers.
    pub(super) fn new(
        now: Now,
        (epoch, claim): (i64, &str),
        (pace, room): (MasterConfig, usize),
        before: Control,
        followers: usize,
    ) -> Self {
        // No master grants a longer interval, but other programs can write one.
        let most = pace.session / 4;
        let asked = before.asked.filter(|asked| *asked <= most);
        let mut pacing = Pacing::new(pace.interval, pace.budget, asked);
        let is_own = before.epoch == Some(epoch);
        // A member that has not seen an order yet sees it from the next master. Only the order to rejoin is
        // dropped: the change of master has that effect anyway.
        let orders = before.orders.iter();
        let orders = orders.filter(|order| is_own || order.action != Action::Reinit);
        let orders = orders.take(MOST_ORDERS);
        // Another program may have written more than a master would.
        let fit = fitting(orders.clone().map(size), room);
        let orders = orders.take(fit).cloned();
        let standing: Vec<(Duration, Order)> = orders.map(|order| (now.elapsed, order)).collect();
        let issued = if is_own && standing.len() == before.orders.len() {
            before
        } else {
            let (interval, direct_interval) = intervals(&mut pacing, (followers, followers));
            Control {
                epoch: Some(epoch),
                claim: Some(claim.to_owned()),
                interval,
                direct_interval,
                asked,
                number: before.number,
                orders: standing.iter().map(|(_, order)| order.clone()).collect(),
            }
        };
        Self {
            pacing,
            room,
            standing,
            requests: VecDeque::new(),
            answered: 0,
            issued,
            try_again: None,
            yields: false,
        }
    }

    /// ZooKeeper refuses to write the control.
    pub(super) fn refused(&mut self, now: Now) {
        self.try_again = Some(now.elapsed + REFUSED_PAUSE);
    }

    /// Whether `control` is to be written, although nobody asks for it.
    fn is_due(&self, now: Now, control: &Control) -> bool {
        match self.try_again {
            Some(at) => now.elapsed >= at,
            None => *control != self.issued,
        }
    }

    /// Whether all tasks of this job are ordered to end.
    fn ends_job(&self, job: &str) -> bool {
        let mut standing = self.standing.iter();
        standing.any(|(_, order)| order.action == Action::KillJob && order.target == job)
    }

    fn control(&mut self, now: Now, members: (usize, usize)) -> Control {
        self.standing.retain(|(given, order)| {
            let stands = match order.action {
                Action::KillTask | Action::Reinit => STANDS,
                Action::KillJob => JOB_STANDS,
            };
            now.elapsed.saturating_sub(*given) < stands
        });
        let standing = &self.standing;
        let (interval, direct_interval) = intervals(&mut self.pacing, members);
        Control {
            epoch: self.issued.epoch,
            claim: self.issued.claim.clone(),
            interval,
            direct_interval,
            asked: self.pacing.asked(),
            number: self.issued.number,
            orders: standing.iter().map(|(_, order)| order.clone()).collect(),
        }
    }
}

impl MasterState {
    /// Number of requests that were answered or rejected since the last call: the follower watcher may read
    /// that many more.
    pub fn take_answered(&mut self) -> usize {
        std::mem::take(&mut self.orders.answered)
    }

    /// Takes an operator's request from the znode `name`.
    pub fn asked(&mut self, name: String, request: Request) {
        let requests = &mut self.orders.requests;
        let known = requests.iter().any(|(known, _)| *known == name);
        if !known && requests.len() < MOST_REQUESTS {
            requests.push_back((name, request));
        } else {
            self.orders.answered += 1;
        }
    }

    /// The beat interval of followers.
    pub(super) fn given_interval(&self) -> Duration {
        self.orders.issued.interval.unwrap_or(self.pace.interval)
    }

    /// The next instruction to write, if any.
    pub(super) fn command(&mut self, now: Now) -> Option<Write> {
        if std::mem::take(&mut self.orders.yields) || self.takeover_version.is_some() {
            return None;
        }
        let members = (self.followers.len(), self.connections.senders());
        let mut control = self.orders.control(now, members);
        let mut issue = Issue {
            control: Control::default(),
            orders: Vec::new(),
            answers: false,
        };
        let mut answer = None;
        if let Some((name, request)) = self.orders.requests.front().cloned() {
            let response = self.consider(&request, &mut control, &mut issue);
            control.orders.extend(issue.orders.iter().cloned());
            let last = issue.orders.last().map(|order| order.number);
            control.number = last.unwrap_or(control.number);
            let mut pacing = self.orders.pacing;
            pacing.ask(control.asked);
            (control.interval, control.direct_interval) = intervals(&mut pacing, members);
            issue.answers = true;
            answer = Some((name, response.to_string()));
        } else if !self.orders.is_due(now, &control) {
            return None;
        }
        issue.control = control.clone();
        self.pending = Some(Pending::Command(issue));
        self.orders.yields = true;
        Some(Write::Command {
            control: control.to_string(),
            answer,
        })
    }

    /// The instruction was written, or refused: then its request has that answer, and no order stands.
    pub(super) fn commanded(&mut self, now: Now, issue: Issue, outcome: &Outcome) {
        let orders = &mut self.orders;
        if issue.answers {
            orders.requests.pop_front();
            orders.answered += 1;
        }
        if matches!(outcome, Outcome::ControlRefused(_)) {
            orders.refused(now);
            return;
        }
        orders.try_again = None;
        orders.pacing.ask(issue.control.asked);
        let given = issue.orders.into_iter().map(|order| (now.elapsed, order));
        orders.standing.extend(given);
        orders.issued = issue.control;
    }

    fn consider(&self, request: &Request, control: &mut Control, issue: &mut Issue) -> Response {
        match request {
            Request::Interval(interval) => {
                let most = self.pace.session / 4;
                if interval.is_some_and(|interval| interval > most) {
                    let most = humantime::format_duration(most);
                    return Response::Refused(format!(
                        "the interval may be {most} at the most, a quarter of the session timeout"
                    ));
                }
                let least = self.pace.interval;
                if interval.is_some_and(|interval| interval < least) {
                    let least = humantime::format_duration(least);
                    return Response::Refused(format!(
                        "the interval may be {least} at the least, as members are set to by --interval"
                    ));
                }
                control.asked = *interval;
                Response::Done("the order was sent to all followers".to_owned())
            }
            Request::Reinit(target) | Request::Kill(target) if target.len() > LONGEST_NAME => {
                Response::Refused(format!(
                    "no member, attempt, task or job has a name of {} bytes; {LONGEST_NAME} are the most",
                    target.len()
                ))
            }
            Request::Reinit(target) => self.order(Action::Reinit, target, issue),
            Request::Kill(target) => self.order(Action::KillTask, target, issue),
        }
    }

    /// Orders for all members that an operator means by `target`.
    fn order(&self, action: Action, target: &str, issue: &mut Issue) -> Response {
        let mut identities = self.followers.values().map(|follower| &follower.identity);
        let own = self.identity.job.as_deref() == Some(target);
        let is_job = own || identities.any(|identity| identity.job.as_deref() == Some(target));
        let mut number = self.orders.issued.number;
        let mut add = |action, target: &str, process: Option<Process>, session: Option<i64>| {
            number += 1;
            issue.orders.push(Order {
                number,
                action,
                target: target.to_owned(),
                process,
                session,
                reason: "by an operator".to_owned(),
            });
        };
        let room = MOST_ORDERS.saturating_sub(self.orders.standing.len());
        if action == Action::KillTask && is_job {
            // All members that see the order end, and a member that starts later sees it too.
            if !self.orders.ends_job(target) {
                if room == 0 {
                    return full(room);
                }
                add(Action::KillJob, target, None, None);
            }
            return Response::Done(format!("all members of {target} are told to end"));
        }
        let meant = self.meant(target);
        if meant.is_empty() {
            return Response::Refused(format!(
                "no member, attempt, task or job is called {target}; heartline status lists all"
            ));
        }
        // Without the session, the order would be for whoever has this name later.
        let (meant, others): (Vec<_>, Vec<_>) =
            meant.into_iter().partition(|(.., session)| *session != 0);
        if let (true, Some((node, ..))) = (meant.is_empty(), others.first()) {
            return Response::Refused(format!(
                "{node} has just joined, or no session owns its znode; ask again"
            ));
        }
        if meant.len() > room {
            return full(room);
        }
        for (node, identity, session) in &meant {
            add(action, node, Process::of(identity), Some(*session));
        }
        let standing = self.orders.standing.iter().map(|(_, order)| order);
        let bytes: usize = standing.chain(&issue.orders).map(size).sum();
        if bytes > self.orders.room {
            issue.orders.clear();
            return Response::Refused(
                "the orders that stand and these are too large together; ask for fewer members at once".to_owned(),
            );
        }
        let names: Vec<&str> = meant.iter().map(|(node, ..)| *node).collect();
        let text = names.join(" ");
        if text.len() > self.orders.room {
            return Response::Done(format!("{} members", names.len()));
        }
        Response::Done(text)
    }

    /// The members whose name, attempt or task is `target`: each with its session, 0 if that is unknown.
    fn meant(&self, target: &str) -> Vec<(&str, &Identity, i64)> {
        let followers = self.followers.iter();
        let followers =
            followers.map(|(node, follower)| (node.as_str(), &follower.identity, follower.owner));
        let own = (self.master_info.node.as_str(), &self.identity, self.session);
        std::iter::once(own)
            .chain(followers)
            .filter(|(node, identity, _)| {
                *node == target
                    || identity.attempt.as_deref() == Some(target)
                    || identity.task().as_deref() == Some(target)
            })
            .collect()
    }
}

/// The answer if there is room for `room` more orders only.
fn full(room: usize) -> Response {
    let stands = humantime::format_duration(STANDS);
    Response::Refused(format!(
        "there is room for {room} more orders; an order stands for {stands}: ask again then"
    ))
}
