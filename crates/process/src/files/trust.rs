//! Whether a file was written by this user or root, and by nobody else.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{getegid, geteuid};

use super::read::{text, whole};
use super::{Links, UnfitFile, open};

const GROUP: u32 = 0o020;
const OTHERS: u32 = 0o002;

/// The reason why another user may have written a file or folder; `None` if no other user can.
pub fn untrusted(about: &Metadata) -> Option<UnfitFile> {
    let own = (geteuid().as_raw(), getegid().as_raw());
    judge((about.uid(), about.gid(), about.mode()), own)
}

fn judge((user, group, mode): (u32, u32, u32), (own, own_group): (u32, u32)) -> Option<UnfitFile> {
    if ![0, own].contains(&user) {
        return Some(UnfitFile::Owner(user));
    }
    // Many systems give each user a group of their own, with write permission (umask 002).
    let open = if group == own_group {
        OTHERS
    } else {
        OTHERS | GROUP
    };
    (mode & open != 0).then_some(UnfitFile::Writable(mode & 0o7777))
}

/// Reads the text of a file that this program acts on. Fails if it is not a regular file, is a link, has more than
/// `limit` bytes, or may have been written by a user other than this one and root.
pub fn read_record(path: &Path, limit: u64) -> io::Result<String> {
    let file = open(path, Links::Refused)?;
    match untrusted(&file.metadata()?) {
        Some(why) => Err(why.into()),
        None => text(whole(&file, limit)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_user_and_root_are_trusted() {
        let own = (1000, 1000);
        for (of, expected) in [
            ((1000, 1000, 0o100_600), None),
            ((1000, 1000, 0o100_664), None),
            ((0, 0, 0o100_644), None),
            ((0, 1000, 0o100_664), None),
            ((0, 0, 0o100_664), Some(UnfitFile::Writable(0o664))),
            ((1000, 50, 0o040_775), Some(UnfitFile::Writable(0o775))),
            ((1000, 1000, 0o041_777), Some(UnfitFile::Writable(0o1777))),
            ((1001, 1000, 0o100_600), Some(UnfitFile::Owner(1001))),
        ] {
            assert_eq!(judge(of, own), expected, "{of:?}");
        }
        assert_eq!(
            judge((1000, 0, 0o100_600), (0, 0)),
            Some(UnfitFile::Owner(1000))
        );
    }
}
