//! What is to be done so that a whole cluster runs, in which order: made from what is found, without clock or IO.

use super::found::{Data, Found};
use super::layout::Cluster;
use super::place::Place;
use super::role::Role;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Runs already, and is left alone.
    Runs(Place),
    /// Start these, all at once.
    Start(Vec<Place>),
    /// Run these to their end, all at once.
    Run(Vec<Tool>),
    /// Say that there is nothing to do.
    Said(&'static str),
    /// Wait.
    Await(Condition),
}

/// What is run once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    /// Make the first `NameNode`'s folder, and with it the journals.
    Format(Place),
    /// Give the journals the edits of a `NameNode` that had none before.
    ShareEdits(Place),
    /// Make the znode by which `NameNode`s take turns, if it is not there.
    FormatFailover(Place),
    /// Give a further `NameNode` a copy of the first one's folder.
    Bootstrap(Place),
}

impl Tool {
    pub(super) fn place(&self) -> &Place {
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
pub(super) enum Condition {
    /// One server leads, the others follow.
    Ensemble,
    /// These serve their first port.
    Serves(Vec<Place>),
    /// One `NameNode` is active.
    ActiveNamenode,
    /// One `ResourceManager` is active.
    ActiveManager,
    /// HDFS takes writes, and all `DataNode`s are known to it.
    Datanodes,
    /// All `NodeManager`s are known.
    Nodemanagers,
    /// All brokers are known.
    Brokers,
}

/// All steps.
pub(super) fn steps(cluster: &Cluster, found: &Found) -> Vec<Step> {
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
    found: &'a Found,
    steps: Vec<Step>,
}

impl Plan<'_> {
    /// Starts what does not run yet.
    fn start(&mut self, roles: &[Role]) {
        let all = roles.iter().flat_map(|role| self.cluster.places_of(*role));
        self.start_of(all.collect());
    }

    fn start_of(&mut self, mut places: Vec<Place>) {
        places.retain(|place| !self.found.runs(place));
        if !places.is_empty() {
            self.steps.push(Step::Start(places));
        }
    }

    fn wait(&mut self, condition: Condition) {
        self.steps.push(Step::Await(condition));
    }

    fn has(&self, role: Role) -> bool {
        self.cluster.with(role).next().is_some()
    }

    /// Journals need nobody: they come up beside the ensemble.
    fn ensemble(&mut self) {
        self.start(&[Role::Zookeeper, Role::Observer, Role::Journalnode]);
        self.wait(Condition::Ensemble);
        if self.has(Role::Journalnode) {
            let journals = self.cluster.places_of(Role::Journalnode);
            self.wait(Condition::Serves(journals));
        }
    }

    fn namenode(&mut self) {
        let namenodes = self.cluster.places_of(Role::Namenode);
        let Some(only) = namenodes.first() else {
            return;
        };
        if !self.found.runs(only) && !self.found.is(only, &Data::Ours) {
            self.steps.push(Step::Run(vec![Tool::Format(only.clone())]));
        }
        self.start_of(namenodes.clone());
        self.wait(Condition::Serves(namenodes));
    }

    fn namenodes(&mut self) {
        let namenodes = self.cluster.places_of(Role::Namenode);
        let holds = |place: &&Place| self.found.is(place, &Data::Ours) || self.found.runs(place);
        // Whoever holds data can give it to the others; a new file system begins with the first.
        let source = namenodes.iter().find(holds).or(namenodes.first());
        let Some(source) = source.cloned() else {
            return;
        };
        let failover = Tool::FormatFailover(source.clone());
        let journals = self.cluster.places_of(Role::Journalnode);
        let formatted = journals
            .iter()
            .any(|place| self.found.is(place, &Data::Ours))
            && !journals
                .iter()
                .any(|place| self.found.is(place, &Data::Begun));
        if !holds(&&source) {
            let format = Tool::Format(source.clone());
            self.steps.push(Step::Run(vec![format, failover]));
            let said = "journals: formatted with the namenode, there is nothing to share";
            self.steps.push(Step::Said(said));
        } else if !self.found.runs(&source) && !formatted {
            let share = Tool::ShareEdits(source.clone());
            self.steps.push(Step::Run(vec![share, failover]));
        } else {
            self.steps.push(Step::Run(vec![failover]));
        }
        let bare = |place: &&Place| **place != source && !holds(place);
        let bare: Vec<Place> = namenodes.iter().filter(bare).cloned().collect();
        if !bare.is_empty() {
            self.start_of(vec![source.clone()]);
            self.wait(Condition::Serves(vec![source]));
            let copies = bare.into_iter().map(Tool::Bootstrap).collect();
            self.steps.push(Step::Run(copies));
        }
        let others = self.steps.iter().filter_map(|step| match step {
            Step::Start(started) => Some(started),
            _ => None,
        });
        let started: Vec<Place> = others.flatten().cloned().collect();
        let mut rest = namenodes;
        rest.extend(self.cluster.places_of(Role::Zkfc));
        rest.retain(|place| !started.contains(place));
        self.start_of(rest);
        self.wait(Condition::ActiveNamenode);
    }

    fn workers(&mut self) {
        self.start(&[Role::Datanode, Role::Resourcemanager]);
        if self.has(Role::Resourcemanager) {
            self.wait(Condition::ActiveManager);
        }
        self.start(&[Role::Nodemanager, Role::Kafka]);
        for (role, condition) in [
            (Role::Datanode, Condition::Datanodes),
            (Role::Nodemanager, Condition::Nodemanagers),
            (Role::Kafka, Condition::Brokers),
        ] {
            if self.has(role) {
                self.wait(condition);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::layout::Form;
    use super::super::process::Known;
    use super::super::reading::read;
    use super::*;

    const ONE: &str = include_str!("../../sample-data/clusters/one-machine.toml");
    const HA: &str = include_str!("../../sample-data/clusters/three-hosts-ha.toml");
    const KAFKA: &str = include_str!("../../sample-data/clusters/observers-kafka.toml");

    fn cluster(text: &str) -> Cluster {
        read(text, Path::new("."), Form::Loopback).unwrap().0
    }

    /// A step in a short line.
    fn short(step: &Step) -> String {
        let names = |places: &[Place]| {
            let names: Vec<String> = places.iter().map(ToString::to_string).collect();
            names.join(", ")
        };
        match step {
            Step::Runs(place) => format!("runs {place}"),
            Step::Start(places) => format!("start {}", names(places)),
            Step::Run(tools) => {
                let tool = |tool: &Tool| match tool {
                    Tool::Format(place) => format!("format {}", place.host),
                    Tool::ShareEdits(place) => format!("share {}", place.host),
                    Tool::FormatFailover(_) => "failover".to_owned(),
                    Tool::Bootstrap(place) => format!("bootstrap {}", place.host),
                };
                tools.iter().map(tool).collect::<Vec<_>>().join(", ")
            }
            Step::Said(_) => "said".to_owned(),
            Step::Await(Condition::Serves(places)) => format!("await {}", names(places)),
            Step::Await(condition) => format!("await {condition:?}"),
        }
    }

    fn plan(cluster: &Cluster, found: &Found) -> Vec<String> {
        steps(cluster, found).iter().map(short).collect()
    }

    fn place(host: &str, role: Role) -> Place {
        let host = host.to_owned();
        Place { host, role }
    }

    fn known() -> Known {
        Known::of(std::process::id().cast_signed()).unwrap()
    }

    #[test]
    fn one_machine_from_nothing() {
        let steps = plan(&cluster(ONE), &Found::default());
        assert_eq!(
            steps,
            [
                "start h1 zookeeper",
                "await Ensemble",
                "format h1",
                "start h1 namenode",
                "await h1 namenode",
                "start h1 datanode, h1 resourcemanager",
                "await ActiveManager",
                "start h1 nodemanager",
                "await Datanodes",
                "await Nodemanagers",
            ]
        );
    }

    #[test]
    fn two_namenodes_from_nothing() {
        let steps = plan(&cluster(HA), &Found::default());
        assert_eq!(
            steps[3..],
            [
                "format h1, failover",
                "said",
                "start h1 namenode",
                "await h1 namenode",
                "bootstrap h2",
                "start h2 namenode, h1 zkfc, h2 zkfc",
                "await ActiveNamenode",
                "start h1 datanode, h2 datanode, h3 datanode, h1 resourcemanager, h2 resourcemanager",
                "await ActiveManager",
                "start h1 nodemanager, h2 nodemanager, h3 nodemanager",
                "await Datanodes",
                "await Nodemanagers",
            ]
        );
        assert!(
            steps[0].contains("h3 zookeeper, h1 journalnode"),
            "{steps:?}"
        );
    }

    #[test]
    fn what_holds_data_is_never_formatted() {
        let cluster = cluster(HA);
        let mut found = Found::default();
        for host in ["h1", "h2", "h3"] {
            for role in [Role::Namenode, Role::Journalnode] {
                found.data.insert(place(host, role), Data::Ours);
            }
        }
        let steps = plan(&cluster, &found);
        assert_eq!(
            steps[3..6],
            [
                "failover",
                "start h1 namenode, h2 namenode, h1 zkfc, h2 zkfc",
                "await ActiveNamenode"
            ]
        );
        // A first one that has lost its data gets it from the second.
        found.data.remove(&place("h1", Role::Namenode));
        let steps = plan(&cluster, &found);
        assert_eq!(
            steps[3..8],
            [
                "failover",
                "start h2 namenode",
                "await h2 namenode",
                "bootstrap h1",
                "start h1 namenode, h1 zkfc, h2 zkfc",
            ]
        );
    }

    #[test]
    fn a_namenode_that_was_alone_shares_its_edits() {
        let mut found = Found::default();
        found.data.insert(place("h1", Role::Namenode), Data::Ours);
        let steps = plan(&cluster(HA), &found);
        assert_eq!(
            steps[3..7],
            [
                "share h1, failover",
                "start h1 namenode",
                "await h1 namenode",
                "bootstrap h2"
            ]
        );
    }

    #[test]
    fn what_was_begun_is_done_again() {
        let mut found = Found::default();
        found.data.insert(place("h1", Role::Namenode), Data::Begun);
        let steps = plan(&cluster(HA), &found);
        assert_eq!(steps[3], "format h1, failover");
        found.data.insert(place("h1", Role::Namenode), Data::Ours);
        found
            .data
            .insert(place("h1", Role::Journalnode), Data::Ours);
        found.data.insert(place("h2", Role::Namenode), Data::Begun);
        let steps = plan(&cluster(HA), &found);
        assert!(steps.contains(&"bootstrap h2".to_owned()), "{steps:?}");
    }

    #[test]
    fn what_runs_is_left_alone() {
        let cluster = cluster(HA);
        let mut found = Found::default();
        for one in cluster.places() {
            found.running.insert(one.clone(), known());
            found.data.insert(one, Data::Ours);
        }
        let starts = |found: &Found| {
            let steps = plan(&cluster, found).into_iter();
            let starts = steps.filter(|step| step.starts_with("start"));
            starts.collect::<Vec<_>>()
        };
        assert_eq!(starts(&found), [""; 0]);
        found.running.remove(&place("h2", Role::Zkfc));
        found.running.remove(&place("h3", Role::Datanode));
        assert_eq!(starts(&found), ["start h2 zkfc", "start h3 datanode"]);
    }

    #[test]
    fn brokers_come_last() {
        let steps = plan(&cluster(KAFKA), &Found::default());
        assert_eq!(
            steps[1..],
            [
                "await Ensemble",
                "start k1 kafka, k2 kafka",
                "await Brokers"
            ]
        );
    }
}
