//! The steps that bring a whole cluster up, in their order: derived from the inspected state, without clock or IO.

use super::inspect::{Data, Inspection};
use super::model::Cluster;
use super::role::Role;
use super::role_instance::RoleInstance;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The role runs already, and is left alone.
    Runs(RoleInstance),
    /// Start these, all at once.
    Start(Vec<RoleInstance>),
    /// Run these to their end, all at once.
    Run(Vec<OneTimeTask>),
    /// Report that there is nothing to do.
    Said(&'static str),
    /// Wait for a condition.
    Await(ReadyCondition),
}

/// A task that runs once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OneTimeTask {
    /// Create the first NameNode's folder, and the journals with it.
    Format(RoleInstance),
    /// Copy the edits of a NameNode that had no journals before into the journals.
    ShareEdits(RoleInstance),
    /// Create the znode for the `NameNode`s' failover, if it does not exist.
    FormatFailover(RoleInstance),
    /// Copy the first NameNode's folder to another NameNode.
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

/// A condition to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadyCondition {
    /// One server leads the ensemble, the others follow.
    Ensemble,
    /// These roles accept connections on their first port.
    Serves(Vec<RoleInstance>),
    /// One `NameNode` is active.
    ActiveNamenode,
    /// One `ResourceManager` is active.
    ActiveManager,
    /// HDFS accepts writes, and all `DataNode`s are registered.
    Datanodes,
    /// All `NodeManager`s are registered.
    Nodemanagers,
    /// The registrations of these dead brokers are gone: ZooKeeper accepts no second registration of the same broker.
    Forgotten(Vec<RoleInstance>),
    /// All brokers are registered.
    Brokers,
    /// Each server's page has answered once.
    Pages,
}

/// All steps to bring the cluster up.
pub(super) fn steps(cluster: &Cluster, found: &Inspection) -> Vec<Step> {
    let mut plan = Plan {
        cluster,
        found,
        steps: found.running.keys().cloned().map(Step::Runs).collect(),
    };
    if plan.has(Role::Kdc) {
        plan.start(&[Role::Kdc]);
        plan.wait(ReadyCondition::Serves(cluster.places_of(Role::Kdc)));
    }
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
    /// Adds the start of all instances of these roles that do not run.
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

    /// Adds the start of the ensemble and the journals, which depend on nothing else.
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
        // A NameNode with data can pass them to the others; a new file system begins with the first one.
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
        if self.cluster.is_secure() {
            self.wait(ReadyCondition::Pages);
        }
    }
}

#[cfg(test)]
mod tests;
