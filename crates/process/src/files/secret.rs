//! Reads a file with a secret: a token, a key, a password.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use super::{SMALL, UnfitFile, read_named, untrusted};

/// Reads the secret in a file that the user names, of at most [`SMALL`] bytes; `option` is how it was named. Also accepts
/// `<(COMMAND)` of a shell.
///
/// # Errors
/// If it cannot be read, if others may read it, or if it belongs to a user other than this one and root, who could change
/// it at any time. The error is a line that names the option and says what to do.
pub fn read_secret(option: &str, path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let read = read_named(path, SMALL)
        .map_err(|error| format!("{option} {shown} cannot be read: {error}"))?;
    if read.about.mode() & 0o077 != 0 {
        return Err(format!(
            "{option} {shown} can be read by others; do: chmod 600 {shown}"
        ));
    }
    if let Some(UnfitFile::Owner(owner)) = untrusted(&read.about) {
        let own = geteuid().as_raw();
        return Err(format!(
            "{option} {shown} belongs to another user (uid {owner}); do: chown {own} {shown}"
        ));
    }
    Ok(read.bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::read_secret;

    #[test]
    fn a_secret_is_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let why = read_secret("--x", &path).unwrap_err();
        assert!(
            why.starts_with("--x /") && why.contains("cannot be read: "),
            "{why}"
        );
        fs::write(&path, "s\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(read_secret("--x", &path).unwrap_err().contains("chmod 600"));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_secret("--x", &path).as_deref(), Ok(&b"s\n"[..]));
    }
}
