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

/// Reads the name and the password in a file with one line `USER:PASSWORD`; `option` is how it was named.
///
/// # Errors
/// As [`read_secret`], and if the file holds anything else.
pub fn read_credentials(option: &str, path: &Path) -> Result<(String, String), String> {
    let bytes = read_secret(option, path)?;
    let text = String::from_utf8(bytes).ok();
    let line = text
        .as_deref()
        .map(|text| text.trim_end_matches(['\n', '\r']));
    match line.and_then(|line| line.split_once(':')) {
        Some((user, password))
            if !user.is_empty()
                && !password.is_empty()
                && !user.contains(char::is_control)
                && !password.contains(char::is_control) =>
        {
            Ok((user.to_owned(), password.to_owned()))
        }
        _ => Err(format!(
            "{option} {} must hold one line USER:PASSWORD",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use super::{read_credentials, read_secret};

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

    #[test]
    fn a_file_holds_one_line_with_a_name_and_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "job:se:cret\n");
        let read = read_credentials("--x", &path);
        assert_eq!(read, Ok(("job".to_owned(), "se:cret".to_owned())));
        for wrong in ["", "job\n", "job:\n", ":x\n", "a:b\nc:d\n", "job:a\u{7}\n"] {
            let path = file(folder.path(), wrong);
            let error = read_credentials("--x", &path).unwrap_err();
            assert!(
                error.ends_with("must hold one line USER:PASSWORD"),
                "{error}"
            );
        }
    }

    fn file(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("credentials");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }
}
