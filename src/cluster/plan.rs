//! What is to be done so that a whole cluster runs, in which order: made from what is found, without clock or IO.

use super::inspect::{Data, Inspection};
use super::model::Cluster;
use super::role::Role;
use super::role_instance::RoleInstance;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Runs already, and is left alone.
    Runs(RoleInstance),
    /// Start these, all at once.
    Start(Vec<RoleInstance>),
    /// Run these to their end, all at once.
    Run(Vec<OneTimeTask>),
    /// Say that there is nothing to do.
    Said(&'static str),
    /// Wait.
    Await(ReadyCondition),
}

/// What is run once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OneTimeTask {
    /// Make the first `NameNode`'s folder, and with it the journals.
    Format(RoleInstance),
    /// Give the journals the edits of a `NameNode` that had none before.
    ShareEdits(RoleInstance),
    /// Make the znode by which `NameNode`s take turns, if it is not there.
    FormatFailover(RoleInstance),
    /// Give a further `NameNode` a copy of the first one's folder.
    Bootstrap(RoleInstance),
}

impl OneTimeTask {
    pub(super) fn place(&self) -> &RoleInstance {
        match self {
            Self::Format(place)
            | Self::ShareEdits(place)
            | Self::FormatFailover(place)
            | Self::Bootstrap(place) => place,
        }
    }
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadyCondition {
    /// One server leads, the others follow.
    Ensemble,
    /// These serve their first port.
    Serves(Vec<RoleInstance>),
    /// One `NameNode` is active.
    ActiveNamenode,
    /// One `ResourceManager` is active.
    ActiveManager,
    /// HDFS takes writes, and all `DataNode`s are known to it.
    Datanodes,
    /// All `NodeManager`s are known.
    Nodemanagers,
    /// The ensemble has forgotten these brokers, which died: it lets nobody register twice.
    Forgotten(Vec<RoleInstance>),
    /// All brokers are known.
    Brokers,
}

/// All steps.
pub(super) fn steps(cluster: &Cluster, found: &Inspection) -> Vec<Step> {
    let mut plan = Plan {
        cluster,
        found,
        steps: found.running.keys().cloned().map(Step::Runs).collect(),
    };
    plan.ensemble();
    if cluster.has_standby_namenode() {
        plan.namenodes();
    } else {
        plan.namenode();
    }
    plan.workers();
    plan.steps
}

struct Plan<'a> {
    cluster: &'a Cluster,
    found: &'a Inspection,
    steps: Vec<Step>,
}

impl Plan<'_> {
    /// Starts what does not run yet.
    fn start(&mut self, roles: &[Role]) {
        let all = roles.iter().flat_map(|role| self.cluster.places_of(*role));
        self.start_of(all.collect());
    }

    fn start_of(&mut self, mut places: Vec<RoleInstance>) {
        places.retain(|place| !self.found.runs(place));
        if !places.is_empty() {
            self.steps.push(Step::Start(places));
        }
    }

    fn wait(&mut self, condition: ReadyCondition) {
        self.steps.push(Step::Await(condition));
    }

    fn has(&self, role: Role) -> bool {
        self.cluster.with(role).next().is_some()
    }

    /// Journals need nobody: they come up beside the ensemble.
    fn ensemble(&mut self) {
        self.start(&[Role::Zookeeper, Role::Observer, Role::Journalnode]);
        self.wait(ReadyCondition::Ensemble);
        if self.has(Role::Journalnode) {
            let journals = self.cluster.places_of(Role::Journalnode);
            self.wait(ReadyCondition::Serves(journals));
        }
    }

    fn namenode(&mut self) {
        let namenodes = self.cluster.places_of(Role::Namenode);
        let Some(only) = namenodes.first() else {
            return;
        };
        if !self.found.runs(only) && !self.found.is(only, &Data::Ours) {
            self.steps
                .push(Step::Run(vec![OneTimeTask::Format(only.clone())]));
        }
        self.start_of(namenodes.clone());
        self.wait(ReadyCondition::Serves(namenodes));
    }

    fn namenodes(&mut self) {
        let namenodes = self.cluster.places_of(Role::Namenode);
        let holds =
            |place: &&RoleInstance| self.found.is(place, &Data::Ours) || self.found.runs(place);
        // Whoever holds data can give it to the others; a new file system begins with the first.
        let source = namenodes.iter().find(holds).or(namenodes.first());
        let Some(source) = source.cloned() else {
            return;
        };
        let failover = OneTimeTask::FormatFailover(source.clone());
        let journals = self.cluster.places_of(Role::Journalnode);
        let formatted = journals
            .iter()
            .any(|place| self.found.is(place, &Data::Ours))
            && !journals
                .iter()
                .any(|place| self.found.is(place, &Data::Begun));
        if !holds(&&source) {
            let format = OneTimeTask::Format(source.clone());
            self.steps.push(Step::Run(vec![format, failover]));
            let said = "journals: formatted with the namenode, there is nothing to share";
            self.steps.push(Step::Said(said));
        } else if !self.found.runs(&source) && !formatted {
            let share = OneTimeTask::ShareEdits(source.clone());
            self.steps.push(Step::Run(vec![share, failover]));
        } else {
            self.steps.push(Step::Run(vec![failover]));
        }
        let bare = |place: &&RoleInstance| **place != source && !holds(place);
        let bare: Vec<RoleInstance> = namenodes.iter().filter(bare).cloned().collect();
        if !bare.is_empty() {
            self.start_of(vec![source.clone()]);
            self.wait(ReadyCondition::Serves(vec![source]));
            let copies = bare.into_iter().map(OneTimeTask::Bootstrap).collect();
            self.steps.push(Step::Run(copies));
        }
        let others = self.steps.iter().filter_map(|step| match step {
            Step::Start(started) => Some(started),
            _ => None,
        });
        let started: Vec<RoleInstance> = others.flatten().cloned().collect();
        let mut rest = namenodes;
        rest.extend(self.cluster.places_of(Role::Zkfc));
        rest.retain(|place| !started.contains(place));
        self.start_of(rest);
        self.wait(ReadyCondition::ActiveNamenode);
    }

    fn workers(&mut self) {
        self.start(&[Role::Datanode, Role::Resourcemanager]);
        if self.has(Role::Resourcemanager) {
            self.wait(ReadyCondition::ActiveManager);
        }
        self.start(&[Role::Nodemanager]);
        let mut died = self.cluster.places_of(Role::Kafka);
        died.retain(|place| !self.found.runs(place) && !self.found.is(place, &Data::Empty));
        if !died.is_empty() {
            self.wait(ReadyCondition::Forgotten(died));
        }
        self.start(&[Role::Kafka]);
        for (role, condition) in [
            (Role::Datanode, ReadyCondition::Datanodes),
            (Role::Nodemanager, ReadyCondition::Nodemanagers),
            (Role::Kafka, ReadyCondition::Brokers),
        ] {
            if self.has(role) {
                self.wait(condition);
            }
        }
    }
}

#[cfg(test)]
mod tests;
