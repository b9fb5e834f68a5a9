//! The state of a cluster before anything is done: which of its servers run, and whose data its folders hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::model::Cluster;
use super::process::ProcessRecord;
use super::role::Role;
use super::role_instance::RoleInstance;
use heartline_process::files::{self, Links, SMALL};

/// The owner of the data in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// The folder holds no data.
    Empty,
    /// The folder holds this cluster's data.
    Ours,
    /// Creating the data was begun but not finished; the folder holds nothing of value.
    Begun,
    /// The folder holds data of another cluster.
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The cluster that owns the data, and the one that should.
        of: String,
    },
}

/// The inspected state of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inspection {
    pub(super) running: BTreeMap<RoleInstance, ProcessRecord>,
    /// The data of every role instance that stores any.
    pub(super) data: BTreeMap<RoleInstance, Data>,
}

impl Inspection {
    /// Inspects the cluster.
    pub(super) fn of(cluster: &Cluster) -> Self {
        let mut found = Self::default();
        for place in cluster.places() {
            let Some(host) = cluster.host(&place.host) else {
                continue;
            };
            if let Some(known) = ProcessRecord::recorded(&cluster.pid_file(host, place.role)) {
                found.running.insert(place.clone(), known);
            }
            let folder = cluster.data(host, place.role);
            let mut data = look(cluster, host.id, place.role, &folder);
            if fs::exists(begun(cluster, &place)).unwrap_or(false) {
                data = Data::Begun;
            }
            found.data.insert(place, data);
        }
        found
    }

    pub(super) fn runs(&self, place: &RoleInstance) -> bool {
        self.running.contains_key(place)
    }

    pub(super) fn is(&self, place: &RoleInstance, data: &Data) -> bool {
        self.data.get(place).unwrap_or(&Data::Empty) == data
    }
}

/// The marker file that exists while the data of a role instance are being created.
pub(super) fn begun(cluster: &Cluster, place: &RoleInstance) -> PathBuf {
    let run = cluster.folder.join(&place.host).join("run");
    run.join(format!("{}.begun", place.role))
}

fn look(cluster: &Cluster, id: u16, role: Role, folder: &Path) -> Data {
    match role {
        Role::Zookeeper | Role::Observer => {
            number(folder, "myid", first_line(&folder.join("myid")), id)
        }
        Role::Kafka => {
            let file = folder.join("meta.properties");
            number(folder, "broker.id", property(&file, "broker.id"), id)
        }
        Role::Namenode | Role::Datanode => storage(cluster, folder),
        Role::Journalnode => journal(cluster, folder),
        // These roles can do without the data that they store.
        Role::Kdc | Role::Zkfc | Role::Resourcemanager | Role::Nodemanager => Data::Empty,
    }
}

fn number(folder: &Path, what: &str, found: Option<String>, id: u16) -> Data {
    match found {
        None => Data::Empty,
        Some(number) if number == id.to_string() => Data::Ours,
        Some(number) => Data::Foreign {
            folder: folder.to_owned(),
            of: format!("{what} {number}, and this host's id is {id}"),
        },
    }
}

/// Inspects a storage folder of HDFS.
fn storage(cluster: &Cluster, folder: &Path) -> Data {
    let Some(found) = property(&folder.join("current/VERSION"), "clusterID") else {
        return Data::Empty;
    };
    if found == cluster.id() {
        return Data::Ours;
    }
    Data::Foreign {
        folder: folder.to_owned(),
        of: format!("HDFS {found}, and this cluster is {}", cluster.id()),
    }
}

/// Inspects a folder of journals, which holds one folder per nameservice.
fn journal(cluster: &Cluster, folder: &Path) -> Data {
    let mut data = Data::Empty;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let journal = entry.path();
        if !journal.join("current/VERSION").is_file() {
            continue;
        }
        if entry.file_name() != cluster.name.as_str() {
            return Data::Foreign {
                of: format!(
                    "nameservice {}, and this cluster is {}",
                    entry.file_name().display(),
                    cluster.name
                ),
                folder: journal,
            };
        }
        data = storage(cluster, &journal);
    }
    data
}

fn first_line(file: &Path) -> Option<String> {
    let text = files::read_text(file, Links::OfUsOrRoot, SMALL).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

/// A value from a file of `NAME=VALUE` lines.
fn property(file: &Path, name: &str) -> Option<String> {
    let text = files::read_text(file, Links::OfUsOrRoot, SMALL).ok()?;
    let of_line = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    };
    text.lines().find_map(of_line)
}

#[cfg(test)]
mod tests {
    use super::super::model::HostKind;
    use super::super::parse::read;
    use super::*;

    const HA: &str = include_str!("../../../sample-data/clusters/three-hosts-ha.toml");

    #[test]
    fn data_is_known_by_its_own_files() {
        let folder = tempfile::tempdir().unwrap();
        let (mut cluster, _) = read(HA, Path::new("."), HostKind::Loopback).unwrap();
        cluster.folder = folder.path().to_owned();
        let h1 = cluster.host("h1").unwrap().clone();
        let write = |role: Role, file: &str, text: &str| {
            let file = cluster.data(&h1, role).join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let data =
            |role: Role| Inspection::of(&cluster).data[&RoleInstance::new(&h1, role)].clone();
        let foreign = |role: Role, what: &str| match data(role) {
            Data::Foreign { of, .. } => assert!(of.contains(what), "{of}"),
            other => panic!("{role}: {other:?}"),
        };
        assert_eq!(data(Role::Namenode), Data::Empty);
        write(Role::Zookeeper, "myid", "1\n");
        assert_eq!(data(Role::Zookeeper), Data::Ours);
        write(Role::Zookeeper, "myid", "3\n");
        foreign(Role::Zookeeper, "myid 3, and this host's id is 1");
        let version = format!("#\nlayoutVersion=-66\nclusterID={}\n", cluster.id());
        write(Role::Namenode, "current/VERSION", &version);
        assert_eq!(data(Role::Namenode), Data::Ours);
        write(Role::Datanode, "current/VERSION", "clusterID=CID-1\n");
        foreign(Role::Datanode, "HDFS CID-1");
        write(Role::Journalnode, "mycluster/current/VERSION", &version);
        assert_eq!(data(Role::Journalnode), Data::Ours);
        write(Role::Journalnode, "other/current/VERSION", &version);
        foreign(Role::Journalnode, "nameservice other");
        let place = RoleInstance::new(&h1, Role::Namenode);
        let file = begun(&cluster, &place);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
        assert_eq!(data(Role::Namenode), Data::Begun);
    }
}
