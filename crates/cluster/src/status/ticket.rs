//! A ticket for the questions to a secure cluster's `ZooKeeper`: it is asked as the user that has started the cluster.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::Cluster;
use crate::secure::client;
use crate::trust;
use heartline_zookeeper::{SaslMechanism, Security};

/// The program itself, even if its file was replaced meanwhile.
const SELF: &str = "/proc/self/exe";
/// Where the Kerberos library reads of the realm.
const CONFIG: &str = "KRB5_CONFIG";

/// Why the cluster is asked without a ticket: `None` in a cluster without Kerberos, and where there can be one.
///
/// The Kerberos library reads the cluster's files by environment variables, which a program may only set for another
/// one: so this replaces the process by the same command with them. Where they name the cluster already, they stay.
pub(super) fn why_no_ticket(cluster: &Cluster) -> Option<String> {
    if !cluster.is_secure() {
        return None;
    }
    if let Err(why) = mechanism() {
        return Some(why);
    }
    if env::var_os(CONFIG).is_some_and(|file| file == cluster.krb5_conf()) {
        return None;
    }
    // Kerberos loads what the files of this folder name.
    if let Err(why) = trust::check(&cluster.folder) {
        return Some(format!("{why:#}"));
    }
    let mut words = env::args_os();
    let mut command = Command::new(SELF);
    command.arg0(words.next().unwrap_or_default()).args(words);
    let variables = client(cluster).into_iter();
    command.envs(variables.filter(|(name, _)| name.starts_with("KRB5")));
    // A new ticket whenever the last one ends, also with --watch.
    command.env("KRB5_CLIENT_KTNAME", cluster.user_keytab());
    let error = command.exec();
    Some(format!("{SELF}: {error}"))
}

fn mechanism() -> Result<SaslMechanism, String> {
    "gssapi".parse()
}

/// How sessions with the ensemble are opened, with a ticket or without.
pub(super) fn sessions(has_ticket: bool) -> Security {
    Security {
        sasl: mechanism().ok().filter(|_| has_ticket),
        ..Security::default()
    }
}
