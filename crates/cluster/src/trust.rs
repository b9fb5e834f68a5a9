//! Checks whether a cluster's folder belongs to this user alone. Its content determines which processes are killed and
//! which files are written: in a folder that others may write, they would decide that.
//!
//! The folders above are not checked: with --hosts netns, root starts a cluster below the folder of another user. That
//! user could move the whole folder away, but could not create one that passes.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::agents;
use super::folder::{AUTHENTICATION, DESCRIPTION, HOST_KIND, LOCK};
use super::secure;
use heartline_process::files::untrusted;

/// The parts of a host's folder that are acted on or written to.
const PARTS: [&str; 8] = [
    "run",
    secure::FOLDER,
    "conf",
    "logs",
    "ssh",
    "data",
    "tmp",
    "node-attributes",
];

/// Fails if anyone except this user and root could have written the existing content of a cluster's folder.
pub(super) fn check(folder: &Path) -> anyhow::Result<()> {
    trust(folder)?;
    for name in [DESCRIPTION, HOST_KIND, AUTHENTICATION, LOCK, agents::HERE] {
        trust(&folder.join(name))?;
    }
    trust(&folder.join(agents::HERE).join(secure::FOLDER))?;
    for host in fs::read_dir(folder).into_iter().flatten().flatten() {
        let host = host.path();
        // Other files and folders of the user are not hosts.
        if !host.join("run").exists() {
            continue;
        }
        trust(&host)?;
        for part in PARTS {
            trust(&host.join(part))?;
        }
        for file in fs::read_dir(host.join("run"))
            .into_iter()
            .flatten()
            .flatten()
        {
            trust(&file.path())?;
        }
    }
    Ok(())
}

/// A link is as trustworthy as its target: in a folder of this user, nobody else can have made it.
fn trust(path: &Path) -> anyhow::Result<()> {
    let Some(why) = fs::metadata(path).ok().as_ref().and_then(untrusted) else {
        return Ok(());
    };
    Err(why).with_context(|| format!("nothing was done: {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_folder_that_others_may_write_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("h1/run")).unwrap();
        fs::create_dir_all(at("h1/logs")).unwrap();
        fs::create_dir_all(at("other")).unwrap();
        for file in ["h1/run/namenode.pid", HOST_KIND, DESCRIPTION] {
            fs::write(at(file), "").unwrap();
        }
        let mode =
            |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        mode(&at("other"), 0o777);
        check(folder.path()).unwrap();
        for name in [
            "",
            "h1",
            "h1/run",
            "h1/logs",
            "h1/run/namenode.pid",
            HOST_KIND,
            DESCRIPTION,
        ] {
            // Collecting the components removes a slash at the end.
            let path: PathBuf = at(name).components().collect();
            let before = fs::metadata(&path).unwrap().permissions().mode();
            mode(&path, before | 0o002);
            let why = format!("{:#}", check(folder.path()).unwrap_err());
            assert!(
                why.contains(&format!("{}: others may write it", path.display())),
                "{why}"
            );
            mode(&path, before);
        }
        check(folder.path()).unwrap();
        check(&at("none")).unwrap();
    }
}
