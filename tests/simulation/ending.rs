//! The rules that are checked when nothing has gone wrong for a while, and when all have left.

use std::collections::BTreeMap;

use heartline::protocol::claim::is_standing;
use heartline::protocol::{EventKind, Report};

use crate::history::{CLAIMS, History, MASTER, MEMBERS};
use crate::run::Scenario;
use crate::world::{Inner, Millis, World};

/// All is quiet: one master, all others followers, no living member reported dead, all deaths reported.
pub(crate) fn check_settled(world: &World, scenario: &Scenario) {
    let mut world = world.lock();
    let now = world.now();
    let mut broken = line(&world);
    broken.extend(followers(&world, now, scenario));
    broken.extend(crashes(&world.history));
    for what in broken {
        world.history.break_rule(now, &format!("settled: {what}"));
    }
}

/// Nobody is left.
pub(crate) fn check_empty(world: &World) {
    let mut world = world.lock();
    let now = world.now();
    let left = world.history.claims.keys();
    let left: Vec<String> = left.chain(world.history.members.keys()).cloned().collect();
    if !left.is_empty() {
        let what = format!("all have left, but not {left:?}");
        world.history.break_rule(now, &what);
    }
}

/// The processes that live, and of which session each of them is.
fn living(world: &Inner) -> Vec<usize> {
    let processes = world.processes.iter().enumerate();
    processes
        .filter(|(number, one)| one.task.is_some() && !one.dead && !is_leaving(world, *number))
        .map(|(number, _)| number)
        .collect()
}

fn is_leaving(world: &Inner, process: usize) -> bool {
    world.history.leaving.contains(&process)
}

fn has_standing(world: &Inner) -> bool {
    world.history.claims.keys().any(|claim| is_standing(claim))
}

/// Everybody stands in line once.
fn line(world: &Inner) -> Vec<String> {
    let mut broken = Vec::new();
    let mut claims: BTreeMap<Option<usize>, Vec<&str>> = BTreeMap::new();
    for (path, claim) in &world.history.claims {
        let process = world.history.process(claim.owner);
        claims
            .entry(process)
            .or_default()
            .push(&path[CLAIMS.len()..]);
    }
    for process in living(world) {
        match claims.remove(&Some(process)).unwrap_or_default().as_slice() {
            [_] => {}
            // The first of those who work is deposed by a dedicated master that cannot know whether it
            // leads; a follower comes back into the line when the claim goes that it listens to.
            [] if has_standing(world) => {}
            many => broken.push(format!("process {process} has the claims {many:?}")),
        }
    }
    for (process, claims) in claims {
        broken.push(format!("process {process:?} is gone and {claims:?} stand"));
    }
    broken
}

/// Everybody but the master is a follower that beats, and the master says so.
fn followers(world: &Inner, now: Millis, scenario: &Scenario) -> Vec<String> {
    let history = &world.history;
    let mut broken = Vec::new();
    let living = living(world);
    if living.is_empty() {
        return broken;
    }
    let first = history.first_in_line();
    let master = first.and_then(|session| history.process(session));
    let reign = history.reigns.last();
    if reign.is_none_or(|reign| Some(reign.session) != first) {
        broken.push(format!(
            "process {master:?} is first in line, and not the master"
        ));
        return broken;
    }
    let value = world.ensemble.truth().get(MASTER).map(|node| &node.value);
    let report = Report::parse(value.map_or(&[], |value| value));
    let mut counted = 0;
    let mut nodes: BTreeMap<Option<usize>, Vec<&str>> = BTreeMap::new();
    for (path, standing) in &history.members {
        let name = &path[MEMBERS.len()..];
        let process = history.process(standing.owner);
        if now - standing.written > 2 * scenario.timeout {
            broken.push(format!("{name} of process {process:?} does not beat"));
        }
        nodes.entry(process).or_default().push(name);
    }
    let is_follower =
        |process: &usize| Some(*process) != master && !world.processes[*process].standing;
    for process in living.iter().copied().filter(is_follower) {
        match nodes.remove(&Some(process)).unwrap_or_default().as_slice() {
            [name] => {
                let last = history.last_reported.get(*name);
                if matches!(
                    last,
                    None | Some(EventKind::Died | EventKind::Finished | EventKind::Failed)
                ) {
                    broken.push(format!("{name} lives and beats, and is told {last:?}"));
                }
                let is_counted = is_counted(world, &report, name);
                counted += u32::from(is_counted);
                if !is_counted && !report.followers().any(|known| known == *name) {
                    broken.push(format!("{name} lives and is not in the report"));
                }
            }
            many => broken.push(format!("process {process} is no follower: {many:?}")),
        }
    }
    let count = report.others.map_or(0, |others| others.count);
    // A master without followers reports nothing, and its last report may be old.
    if count != counted && living.iter().any(is_follower) {
        broken.push(format!(
            "{counted} followers are not named, and {count} are counted"
        ));
    }
    for (process, names) in nodes {
        broken.push(format!("{names:?} of process {process:?} stand"));
    }
    broken
}

/// Whether a report counts a follower instead of naming it.
fn is_counted(world: &Inner, report: &Report, name: &str) -> bool {
    let znode = world.ensemble.truth().get(&format!("{MEMBERS}{name}"));
    let (Some(znode), Some(others)) = (znode, report.others) else {
        return false;
    };
    let is_named = report.followers().any(|known| known == name);
    !is_named && znode.stat.created <= others.created
}

/// A follower that was killed is reported dead, if one master was there all the time.
fn crashes(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for crash in &history.crashes {
        let last = history.last_reported.get(&crash.node);
        if crash.is_reported == Some(true) && last != Some(&EventKind::Died) {
            let (node, at) = (&crash.node, crash.at);
            broken.push(format!("{node} crashed at {at} ms and is told {last:?}"));
        }
    }
    broken
}
