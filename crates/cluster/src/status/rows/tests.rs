use super::super::hdfs::Datanode;
use super::super::sample;
use super::*;
use heartline_observe::probe::Silence;

/// The texts of all rows that report a fault.
fn problems(overview: &Overview) -> Vec<String> {
    let rows = rows(overview).into_iter().filter(|row| !row.well);
    rows.map(|row| row.problem()).collect()
}

fn details(overview: &Overview, part: &str) -> String {
    let mut rows = rows(overview).into_iter();
    let row = rows.find(|row| row.part == part).unwrap();
    format!("{}: {}", row.state, row.details)
}

/// The texts for a healthy cluster after a change.
fn after(change: impl FnOnce(&mut Overview)) -> Overview {
    let mut overview = sample::overview();
    change(&mut overview);
    overview
}

fn known<T>(reply: &mut Probed<T>) -> &mut T {
    match reply {
        Probed::Known(known) => known,
        Probed::Unknown { problem, .. } => panic!("{problem}"),
    }
}

#[test]
fn a_healthy_cluster_has_no_trouble() {
    let overview = sample::overview();
    assert_eq!(problems(&overview), [] as [String; 0]);
    assert_eq!(
        details(&overview, "ensemble"),
        "quorum: 3 of 3 voters serve"
    );
    assert_eq!(
        details(&overview, "hdfs"),
        "active nn1: 2.0GiB of 500.0GiB used, 2 live datanodes, 0 dead, 0 blocks missing"
    );
    assert_eq!(
        details(&overview, "namenode nn2"),
        "standby: safe mode off, transaction 100, 20 behind"
    );
    assert_eq!(
        details(&overview, "datanode"),
        "live: last contact 1s ago, 1.0GiB of 250.0GiB used, 12 blocks"
    );
    assert_eq!(
        details(&overview, "nodemanager"),
        "RUNNING: healthy, last report 1.5s ago, 0 containers, 0 of 10240 MB taken"
    );
    assert_eq!(
        details(&overview, "kafka"),
        "controller 1: 1 of 1 brokers, 3 partitions, 0 under-replicated"
    );
    assert_eq!(
        details(&overview, "heartline"),
        "master map1: 3 members, epoch 9"
    );
}

#[test]
fn a_majority_is_more_than_half_of_the_voters() {
    let lost = |servers: &[usize]| {
        after(|overview| {
            for server in servers {
                overview.ensemble[*server].reply = Probed::unknown("nothing listens there");
            }
        })
    };
    assert!(lost(&[2]).has_quorum() && lost(&[3]).has_quorum());
    // An additional observer does not make a majority, and a follower that has not noticed the loss yet is not a
    // leader.
    assert!(!lost(&[1, 2]).has_quorum() && !lost(&[0]).has_quorum());
    assert_eq!(
        problems(&lost(&[1, 2]))[..2],
        [
            "ensemble: no quorum, 1 of 3 voters serve",
            "zookeeper on h2: nothing listens there"
        ]
    );
}

#[test]
fn there_is_one_active_namenode_and_it_takes_writes() {
    let none = after(|overview| {
        "standby".clone_into(&mut known(&mut overview.namenodes[0].reply).state);
    });
    assert_eq!(problems(&none), ["hdfs: no active namenode"]);
    let two = after(|overview| {
        "active".clone_into(&mut known(&mut overview.namenodes[1].reply).state);
    });
    assert_eq!(problems(&two), ["hdfs: more than one active namenode"]);
    let safe = after(|overview| {
        let why = "Safe mode is ON. The reported blocks 0 needs 1.\nMore";
        known(&mut overview.namenodes[0].reply).safe_mode = Some(why.to_owned());
    });
    assert_eq!(
        problems(&safe),
        [
            "namenode nn1 on h1: active, safe mode: Safe mode is ON. The reported blocks 0 needs 1., transaction 120"
        ]
    );
    let missing =
        after(|overview| known(&mut overview.namenodes[0].reply).missing_blocks = Some(2));
    assert!(problems(&missing)[0].ends_with("2 blocks missing"));
}

#[test]
fn a_datanode_is_judged_by_itself_and_by_the_list() {
    let silent =
        after(|overview| overview.datanodes[1].reply = Some(Probed::unknown("does not answer")));
    let [problem] = &problems(&silent)[..] else {
        panic!()
    };
    assert!(
        problem.starts_with("datanode on h2: does not answer, listed as live, last contact"),
        "{problem}"
    );
    let dead = after(|overview| overview.datanodes[1].listed.as_mut().unwrap().live = false);
    assert!(problems(&dead)[0].starts_with("datanode on h2: dead, "));
    let idle = after(|overview| {
        let datanode = Datanode {
            actors: [("h1:8020".to_owned(), "CONNECTING".to_owned())].into(),
        };
        overview.datanodes[1].reply = Some(Probed::Known(datanode));
    });
    let [problem] = &problems(&idle)[..] else {
        panic!()
    };
    assert!(problem.ends_with("works for no namenode"), "{problem}");
    let unlisted = after(|overview| overview.datanodes[1].listed = None);
    assert_eq!(problems(&unlisted), ["datanode on h2: not registered"]);
    let nobody = after(|overview| {
        overview.datanodes[1].listed = None;
        for part in &mut overview.namenodes {
            part.reply = Probed::unknown("does not answer");
        }
    });
    assert!(problems(&nobody).contains(&"datanode on h2: answers, nobody lists it".to_owned()));
    let foreign = after(|overview| overview.datanodes[1].reply = None);
    assert_eq!(problems(&foreign), [] as [String; 0]);
}

#[test]
fn nodes_and_their_managers_are_judged() {
    let unhealthy = after(|overview| {
        let node = overview.nodemanagers[0].listed.as_mut().unwrap();
        "UNHEALTHY".clone_into(&mut node.state);
        "1/1 local-dirs are full".clone_into(&mut node.health_report);
    });
    let [problem] = &problems(&unhealthy)[..] else {
        panic!()
    };
    assert!(
        problem.starts_with("nodemanager on h1: UNHEALTHY, 1/1 local-dirs are full, last report"),
        "{problem}"
    );
    let none = after(|overview| {
        "standby".clone_into(&mut known(&mut overview.resourcemanagers[0].reply).state);
    });
    assert_eq!(problems(&none)[0], "yarn: no active resourcemanager");
}

#[test]
fn kafka_lacks_a_controller_a_broker_or_copies() {
    let lacking = after(|overview| {
        let kafka = known(overview.kafka.as_mut().unwrap());
        kafka.controller = None;
        kafka.brokers.clear();
        kafka.under_replicated = ["a-0", "a-1", "b-0", "b-1"].map(str::to_owned).to_vec();
    });
    assert_eq!(
        problems(&lacking),
        [
            "kafka: no controller, 0 of 1 brokers, 3 partitions, 4 under-replicated: a-0, a-1, b-0, …",
            "broker 1 on h1: not registered, listens"
        ]
    );
    let unknown =
        after(|overview| overview.kafka = Some(Probed::unknown("ZooKeeper does not serve")));
    assert_eq!(
        problems(&unknown),
        ["kafka: not known, ZooKeeper does not serve"]
    );
}

#[test]
fn members_that_are_dead_or_stalled_are_troubles_and_late_ones_are_not() {
    let late = after(|overview| known(&mut overview.heartline).late = vec!["map2".to_owned()]);
    assert_eq!(problems(&late), [] as [String; 0]);
    let dead = after(|overview| known(&mut overview.heartline).dead = vec!["map2".to_owned()]);
    assert_eq!(
        problems(&dead),
        ["heartline: master map1, 3 members, epoch 9, 1 dead: map2"]
    );
    let nobody = after(|overview| {
        *known(&mut overview.heartline) = heartline_observe::status::GroupSummary::default();
    });
    assert_eq!(problems(&nobody), [] as [String; 0]);
}

#[test]
fn what_is_not_described_has_no_row() {
    let only_ensemble = after(|overview| {
        overview.namenodes.clear();
        overview.resourcemanagers.clear();
        overview.kafka = None;
        overview.root = None;
    });
    let parts: Vec<String> = rows(&only_ensemble)
        .into_iter()
        .map(|row| row.part)
        .collect();
    assert_eq!(
        parts,
        [
            "ensemble",
            "zookeeper",
            "zookeeper",
            "zookeeper",
            "zookeeper",
            "heartline"
        ]
    );
}

#[test]
fn who_asks_without_a_ticket_is_told_what_is_not_shown() {
    let why = "this program was built without Kerberos";
    let overview = after(|overview| overview.no_ticket = Some(why.to_owned()));
    assert_eq!(
        details(&overview, "ticket"),
        "none: this program was built without Kerberos; without one, only what is open to all is shown"
    );
    assert_eq!(problems(&overview), [] as [String; 0]);
}

#[test]
fn a_page_that_asks_for_a_ticket_is_closed_and_its_server_is_not_dead() {
    fn closed<T>() -> Probed<T> {
        let why = "and there is no Kerberos ticket for HTTP/h1: no credentials".to_owned();
        Probed::of(Some(Err(Silence::Closed(why))))
    }
    let overview = after(|overview| {
        for namenode in &mut overview.namenodes {
            namenode.reply = closed();
        }
        overview.resourcemanagers[0].reply = closed();
        overview.nodemanagers[0].reply = Some(closed());
    });
    let why = "closed: asks for a Kerberos ticket, and there is no Kerberos ticket for HTTP/h1: no credentials";
    assert_eq!(details(&overview, "namenode nn1"), why);
    assert_eq!(
        details(&overview, "hdfs"),
        "not known: a namenode is closed"
    );
    assert_eq!(
        details(&overview, "yarn"),
        "not known: a resourcemanager is closed"
    );
    assert!(details(&overview, "nodemanager").starts_with("closed: listed as RUNNING"));
    // Of a NameNode that answers otherwise, it is known that it is not active.
    let overview = after(|overview| {
        for namenode in &mut overview.namenodes {
            namenode.reply = Probed::unknown("nothing listens there");
        }
    });
    assert_eq!(details(&overview, "hdfs"), "no active namenode: ");
}
