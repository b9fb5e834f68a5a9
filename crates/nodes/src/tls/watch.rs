//! Looks at the files of a running server again and again: certificates are renewed before they end, without a restart.

use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;
use rustls::ServerConfig;

use super::files::{FileMark, TlsFiles};
use heartline_exporter::tls::CERTIFICATE;

/// How long before its end a certificate is complained of. `heartline nodes ca renew` takes those of 90 days 30 days
/// before their end, so this says that the renewal does not work.
const SOON_OVER: Duration = Duration::from_secs(14 * 24 * 3600);

/// What was seen of the files.
#[derive(Clone, Debug)]
pub(super) struct FileWatch {
    files: TlsFiles,
    marks: [FileMark; 3],
    /// Why the files were of no use at the last look, and whether that was said.
    fault: Option<(String, bool)>,
    /// The end of the certificate that was complained of.
    said_of: Option<SystemTime>,
}

/// What one look has found.
#[derive(Debug, Default)]
pub(super) struct WatchFindings {
    /// For connections from now on, if the files have changed.
    pub(super) config: Option<ServerConfig>,
    /// For people.
    pub(super) lines: Vec<String>,
}

impl FileWatch {
    /// Begins with the files as they are now, which are read next; blocks.
    pub(super) fn new(files: TlsFiles) -> Self {
        Self {
            marks: files.marks(),
            files,
            fault: None,
            said_of: None,
        }
    }

    /// Looks whether the files have changed; blocks. Files that are of no use for two looks are complained of once: at the
    /// first they may just be being replaced.
    pub(super) fn look(&mut self, now: SystemTime) -> WatchFindings {
        let mut found = WatchFindings::default();
        // Read before the files: a change in between is found by the next look.
        let marks = self.files.marks();
        if marks != self.marks {
            match self.files.server() {
                Ok(config) => {
                    self.marks = marks;
                    self.fault = None;
                    found.config = Some(config);
                    found
                        .lines
                        .push("the certificates are read again".to_owned());
                }
                Err(why) => {
                    let last = self.fault.take().filter(|(last, _)| *last == why);
                    if last.as_ref().is_some_and(|(_, is_said)| !is_said) {
                        let line = format!("{why}; the certificates from before are used on");
                        found.lines.push(line);
                    }
                    self.fault = Some((why, last.is_some()));
                }
            }
        }
        found.lines.extend(self.ending(now));
        found
    }

    /// A line about a certificate that will soon be over, once for each; blocks.
    pub(super) fn ending(&mut self, now: SystemTime) -> Option<String> {
        let [_, end] = self.files.facts().ok()?.valid;
        if end > now + SOON_OVER || self.said_of.replace(end) == Some(end) {
            return None;
        }
        let (shown, end) = (
            self.files.certificate.display(),
            format_rfc3339_seconds(end),
        );
        Some(format!(
            "{CERTIFICATE} {shown} is valid until {end} only: renew it"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// Writes a certificate of its own that ends so many days from now.
    fn write(path: &Path, days: u64) {
        let mut params = CertificateParams::new(["ctl".to_owned()]).unwrap();
        params.not_after = (SystemTime::now() + Duration::from_secs(days * 24 * 3600)).into();
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(path, certificate.pem() + &key.serialize_pem()).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn new_files_are_taken_and_bad_ones_are_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ctl.pem");
        write(&path, 90);
        let mut watch = FileWatch::new(TlsFiles {
            ca: path.clone(),
            certificate: path.clone(),
            key: path.clone(),
        });
        let mut look = || {
            let found = watch.look(SystemTime::now());
            (found.config.is_some(), found.lines)
        };
        assert_eq!(look(), (false, vec![]));
        fs::write(&path, "half a certificate").unwrap();
        assert_eq!(look(), (false, vec![]), "it may just be being written");
        let (is_new, lines) = look();
        assert!(!is_new && lines.len() == 1, "{lines:?}");
        assert!(
            lines[0]
                .ends_with("has no certificate in PEM; the certificates from before are used on")
        );
        assert_eq!(look(), (false, vec![]), "it was said");
        write(&path, 3);
        let (is_new, lines) = look();
        assert!(is_new && lines[0] == "the certificates are read again");
        assert!(lines[1].ends_with(" only: renew it"), "{lines:?}");
        assert_eq!(look(), (false, vec![]));
    }
}
