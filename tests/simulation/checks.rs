//! The rules, checked with every transaction. They look at znodes and values, as any other program
//! could, and at what really happened to the processes, which nobody in the run knows.

use std::collections::BTreeSet;

use heartline::detect::DeathCause;
use heartline::protocol::claim::{in_order, is_standing};
use heartline::protocol::{Event, EventKind, Report};

use crate::ensemble::Transaction;
use crate::ensemble::tree::Change;
use crate::history::{CLAIMS, History, MASTER, MEMBERS, MasterLease};
use crate::world::Millis;
use crate::world::process::Health;

/// How soon a crash is reported that the master knows at once: the way of the news, a probe, and a transaction.
const SOON: Millis = 150;

/// Judges a transaction by what was before it.
pub(crate) fn judge(
    history: &mut History,
    now: Millis,
    transaction: &Transaction,
    healths: &[Health],
) {
    let (mut died, mut facts) = (BTreeSet::new(), BTreeSet::new());
    for change in &transaction.changes {
        if let Change::Set { path, value, .. } = change {
            if path == MASTER {
                let report = Report::parse(value);
                died.extend(deaths(history, &report, |_| true));
                facts.extend(deaths(history, &report, is_fact));
                judge_report(history, now, transaction.session, &report, healths);
                if let (Some(epoch), Some(master)) =
                    (report.epoch, history.process(transaction.session))
                {
                    history.reported(now, epoch, &healths[master]);
                }
            } else if path.starts_with(CLAIMS) {
                let owner = history.claims.get(path).map(|claim| claim.owner);
                if owner != Some(transaction.session) {
                    let what = format!("session {:x} beats on {path}", transaction.session);
                    history.break_rule(now, &what);
                }
            }
        }
    }
    for change in &transaction.changes {
        if let Change::Deleted { path } = change
            && let Some(node) = path.strip_prefix(MEMBERS)
        {
            let told = (&died, &facts);
            judge_removal(history, now, transaction.session, node, told, healths);
        }
        if let Change::Deleted { path } = change {
            judge_deposing(history, now, transaction.session, path, healths);
        }
    }
}

/// The followers whose deaths a report contains for the first time.
fn deaths(history: &History, report: &Report, is_one: fn(&Event) -> bool) -> Vec<String> {
    let fresh = report.events.iter().filter(|event| {
        let number = event.sequence.unwrap_or(0);
        event.event == EventKind::Died && !history.reported.contains_key(&number)
    });
    let fresh = fresh.filter(|event| is_one(event));
    fresh.filter_map(|event| event.node.clone()).collect()
}

/// Whether a death is told as a fact; [`judge_fact`] says whether it is one.
fn is_fact(event: &Event) -> bool {
    event.cause.is_some_and(|cause| cause != DeathCause::Silent)
}

/// Whether the claim of this session gives it the right to act as master. A dedicated master's claim
/// comes first in line from its creation; until it has deposed the master, that one acts.
fn has_mandate(history: &History, session: i64) -> bool {
    let names = |standing: bool| -> Vec<String> {
        let names = history.claims.keys().map(|path| &path[CLAIMS.len()..]);
        let names = names.filter(|name| is_standing(name) == standing);
        names.map(str::to_owned).collect()
    };
    [names(true), names(false)].iter().any(|names| {
        let first = in_order(names)
            .first()
            .map(|name| format!("{CLAIMS}{name}"));
        let first = first.and_then(|first| history.claims.get(&first));
        first.is_some_and(|first| first.owner == session)
    })
}

/// A report is a master's write: at most one master's takes effect in an epoch, epochs only grow,
/// and who writes holds the claim that is first in line.
fn judge_report(
    history: &mut History,
    now: Millis,
    session: i64,
    report: &Report,
    healths: &[Health],
) {
    let Some(epoch) = report.epoch else { return };
    if !has_mandate(history, session) {
        let what = format!("session {session:x} writes as master and is not first in line");
        history.break_rule(now, &what);
    }
    match history.reigns.last().cloned() {
        Some(reign) if reign.epoch == epoch => {
            if reign.session != session {
                let (one, other) = (reign.session, session);
                let what =
                    format!("two masters write in epoch {epoch:x}: sessions {one:x} and {other:x}");
                history.break_rule(now, &what);
            }
            if let Some(reign) = history.reigns.last_mut() {
                reign.last = now;
            }
        }
        Some(reign) if reign.epoch > epoch => {
            let what = format!("epoch {epoch:x} writes after epoch {:x}", reign.epoch);
            history.break_rule(now, &what);
        }
        _ => history.reigns.push(MasterLease {
            epoch,
            session,
            last: now,
        }),
    }
    for event in &report.events {
        judge_event(history, now, event, healths);
    }
}

/// A number is one event's for good, nobody dies twice without having come back, and nobody joins twice in one session without
/// having been master.
fn judge_event(history: &mut History, now: Millis, event: &Event, healths: &[Health]) {
    let (Some(number), Some(node)) = (event.sequence, event.node.clone()) else {
        return;
    };
    if let Some(known) = history.reported.get(&number) {
        if known != event {
            let what = format!("two events have the number {number}: {known:?} and {event:?}");
            history.break_rule(now, &what);
        }
        return;
    }
    history.trace(now, || format!("told: {number} {} {node}", event.event));
    history.reported.insert(number, event.clone());
    let before = history.last_reported.insert(node.clone(), event.event);
    if event.event == EventKind::Died && before == Some(EventKind::Died) {
        history.break_rule(now, &format!("{node} died twice"));
    }
    let standing = history.members.get(&format!("{MEMBERS}{node}"));
    // Who was master in between joins again in the same session.
    let is_there = matches!(before, Some(EventKind::Joined | EventKind::Returned));
    if event.event == EventKind::Joined
        && let Some(session) = standing.map(|standing| standing.owner)
        && !history.joined.insert((node.clone(), session))
        && is_there
    {
        history.break_rule(now, &format!("{node} joined twice"));
    }
    if event.event == EventKind::Died {
        judge_fact(history, now, &node, event.cause, healths);
        judge_crash(history, now, &node, event, healths);
    }
    if let Some(previous) = &event.previous {
        judge_fact(history, now, &previous.node, previous.cause, healths);
    }
}

/// A cause that is a fact is never wrong: nobody who lives has ended, however it fares, nobody who has said goodbye has
/// crashed, and of a host that vanished nothing is known.
fn judge_fact(
    history: &mut History,
    now: Millis,
    node: &str,
    cause: Option<DeathCause>,
    healths: &[Health],
) {
    let Some(cause) = cause else { return };
    *history.causes.entry(cause.to_string()).or_default() += 1;
    let Some(process) = history.names.get(node).copied() else {
        return;
    };
    if cause == DeathCause::Silent {
        return;
    }
    if healths[process].alive && !history.leaving.contains(&process) {
        let what = format!("{node} lives and is told to have ended: {cause}");
        history.break_rule(now, &what);
    }
    if history.goodbyes.contains(&process) {
        let what = format!("{node} has said goodbye and is told to have crashed: {cause}");
        history.break_rule(now, &what);
    }
    if healths[process].vanished {
        let what = format!("the host of {node} has vanished and it is told to have ended: {cause}");
        history.break_rule(now, &what);
    }
}

/// A crash that the master knows at once, by a direct connection, is reported as such and soon, if nothing went wrong
/// for the master in the meantime.
fn judge_crash(history: &mut History, now: Millis, node: &str, event: &Event, healths: &[Health]) {
    let crashes = history.crashes.iter();
    let Some(crash) = crashes
        .rev()
        .find(|crash| crash.node == node && crash.is_known)
    else {
        return;
    };
    let (at, epoch) = (crash.at, crash.epoch);
    let master = history.reigns.last();
    let master = master.and_then(|reign| history.process(reign.session));
    let is_calm = master.is_some_and(|master| healths[master].calm_since <= at);
    if !is_calm || epoch != event.epoch {
        return;
    }
    let took = now - at;
    history.found.push(took);
    if event.cause != Some(DeathCause::Closed) || took > SOON {
        let cause = event
            .cause
            .map_or("-".to_owned(), |cause| cause.to_string());
        let what = format!("{node} crashed at {at} ms, and after {took} ms it is told: {cause}");
        history.break_rule(now, &what);
    }
}

/// Only the master removes a follower, in the same transaction in which it says so, after a silence
/// of the whole timeout, and never for a silence that was not the follower's own.
fn judge_removal(
    history: &mut History,
    now: Millis,
    session: i64,
    node: &str,
    (died, facts): (&BTreeSet<String>, &BTreeSet<String>),
    healths: &[Health],
) {
    let Some(standing) = history.members.get(&format!("{MEMBERS}{node}")).cloned() else {
        return;
    };
    let process = history.process(standing.owner);
    if standing.owner == session || (process.is_some() && process == history.process(session)) {
        return;
    }
    history.removals += 1;
    let mut broken = Vec::new();
    if !has_mandate(history, session) {
        broken.push(format!(
            "session {session:x} removes {node} and is not first in line"
        ));
    }
    if !died.contains(node) {
        broken.push(format!("{node} is removed and nobody says so"));
    }
    let silence = now - standing.written;
    // Of a process that has ended no silence is waited for, if its end is told as a fact.
    let has_ended = facts.contains(node);
    // A beat that came by a connection may be in ZooKeeper much later.
    let begin = if history.is_direct {
        standing.sent
    } else {
        standing.written
    };
    if now - begin < history.timeout && !has_ended {
        broken.push(format!("{node} is removed after {silence} ms of silence"));
    }
    if let Some(process) = process
        && healths[process].alive
        && healths[process].well_since <= standing.written
        && !history.leaving.contains(&process)
    {
        broken.push(format!(
            "{node} is removed although nothing of its own held it up in its {silence} ms of silence"
        ));
    }
    for what in broken {
        history.break_rule(now, &what);
    }
}

/// Nobody deposes the master but a standing one, or after a silence of the whole timeout that was the
/// master's own.
fn judge_deposing(
    history: &mut History,
    now: Millis,
    session: i64,
    claim: &str,
    healths: &[Health],
) {
    let Some(standing) = history.claims.get(claim).cloned() else {
        return;
    };
    let (master, other) = (history.process(standing.owner), history.process(session));
    let by_itself = standing.owner == session || master == other;
    let reign = history.reigns.last();
    let is_master = history.first_in_line() == Some(standing.owner)
        && reign.is_some_and(|reign| reign.session == standing.owner);
    if by_itself || other.is_none() || !is_master {
        return;
    }
    let silence = now - standing.written;
    let is_well = master.is_some_and(|master| {
        healths[master].alive && healths[master].well_since <= standing.written
    });
    // A master that has ended is not waited for.
    let has_ended = master.is_some_and(|master| healths[master].has_ended());
    // A beat that came by a connection may be in ZooKeeper much later.
    let begin = if history.is_direct {
        standing.sent
    } else {
        standing.written
    };
    if now - begin < history.timeout && !has_ended {
        let what = format!("{claim} is removed {silence} ms after its last beat");
        history.break_rule(now, &what);
    } else if is_well {
        let what = format!("{claim} is removed although nothing held up its owner");
        history.break_rule(now, &what);
    }
}
