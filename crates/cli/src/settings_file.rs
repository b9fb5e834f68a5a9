//! The settings file: TOML whose keys are the names of options, for what all programs of a host or a cluster share. The
//! variable `HEARTLINE_CONFIG`, or the job's property `heartline.config`, names it.

use std::collections::BTreeMap;
use std::path::Path;

use heartline_process::files::{SMALL, read_named, untrusted};
use toml::{Spanned, Value};

/// What names the file.
pub(super) const VARIABLE: &str = "HEARTLINE_CONFIG";
/// How the variable of an option begins.
const PREFIX: &str = "HEARTLINE_";

/// The key of the option with this variable: `beat-budget` of `HEARTLINE_BEAT_BUDGET`.
pub(super) fn key(variable: &str) -> Option<String> {
    let key = variable.strip_prefix(PREFIX)?.to_ascii_lowercase();
    Some(key.replace('_', "-"))
}

/// The value of a setting, and the line of the file, counted from 1, on which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrittenValue {
    pub(super) value: String,
    pub(super) line: usize,
}

/// All settings: the options of all programs that have a variable. A key that is none of them is a mistake, not an option
/// of another program.
const SETTINGS: [&str; 47] = [
    "acl",
    "beat-budget",
    "combine",
    "combine-memory",
    "commit-command",
    "commit-run",
    "commit-task",
    "commit-timeout",
    "detector",
    "drain-input",
    "grace",
    "heartbeat",
    "interval",
    "jars",
    "kafka-jars",
    "kafka-sasl",
    "kafka-tls",
    "kafka-tls-cert",
    "kafka-tls-key",
    "keep-alive",
    "line-delay",
    "listen",
    "name",
    "namespace",
    "no-heartbeat",
    "nodes-server",
    "nodes-tls-ca",
    "nodes-tls-cert",
    "nodes-tls-key",
    "on-death",
    "on-stall",
    "relay",
    "require-zookeeper",
    "scheduling",
    "secret-file",
    "session-timeout",
    "stacks",
    "stall-timeout",
    "task",
    "timeout",
    "transport",
    "zookeeper",
    "zookeeper-auth",
    "zookeeper-sasl",
    "zookeeper-tls",
    "zookeeper-tls-cert",
    "zookeeper-tls-key",
];

/// The settings of a file.
#[derive(Debug, Default)]
pub(super) struct SettingsFile(BTreeMap<String, WrittenValue>);

impl SettingsFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, if others may write it, if it is no TOML, or if a key is no setting. The error names the file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let told = |why: String| format!("{VARIABLE} {}: {why}", path.display());
        let read =
            read_named(path, SMALL).map_err(|error| told(format!("cannot be read: {error}")))?;
        if let Some(why) = untrusted(&read.about) {
            return Err(told(format!(
                "{why}: it names programs to run and files to trust"
            )));
        }
        let text = String::from_utf8(read.bytes).map_err(|_| told("is not UTF-8".to_owned()))?;
        Self::parse(&text).map_err(told)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: BTreeMap<String, Spanned<Value>> =
            toml::from_str(text).map_err(|error| format!("is no TOML: {error}"))?;
        let mut settings = BTreeMap::new();
        for (key, value) in table {
            if !is_setting(&key) {
                return Err(format!(
                    "'{key}' is no setting; a key is the name of an option without its dashes, as in zookeeper or \
                     session-timeout"
                ));
            }
            let begin = value.span().start;
            let line = 1 + text
                .bytes()
                .take(begin)
                .filter(|byte| *byte == b'\n')
                .count();
            let value = match value.into_inner() {
                Value::String(text) => text,
                Value::Integer(number) => number.to_string(),
                Value::Boolean(flag) => flag.to_string(),
                _ => {
                    return Err(format!(
                        "'{key}' must be a text, a whole number, true or false"
                    ));
                }
            };
            settings.insert(key, WrittenValue { value, line });
        }
        Ok(Self(settings))
    }

    /// The value of the option with this variable.
    pub(super) fn value(&self, variable: &str) -> Option<&WrittenValue> {
        self.0.get(&key(variable)?)
    }
}

fn is_setting(key: &str) -> bool {
    SETTINGS.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_name_of_an_option() {
        let file =
            SettingsFile::parse("zookeeper = \"zk1:2281\"\nbeat-budget = 100\nstacks = true\n");
        let file = file.unwrap();
        let of = |variable: &str| {
            let written = file.value(variable);
            written.map(|written| (written.value.clone(), written.line))
        };
        assert_eq!(of("HEARTLINE_ZOOKEEPER"), Some(("zk1:2281".into(), 1)));
        assert_eq!(of("HEARTLINE_BEAT_BUDGET"), Some(("100".into(), 2)));
        assert_eq!(of("HEARTLINE_STACKS"), Some(("true".into(), 3)));
        assert_eq!(of("HEARTLINE_INTERVAL"), None);
    }

    #[test]
    fn what_is_no_setting_is_told() {
        for (text, says) in [
            ("zookeper = \"zk1\"", "'zookeper' is no setting"),
            ("zookeeper = 1.5", "'zookeeper' must be a text"),
            ("[zookeeper]\nsasl = \"x\"", "'zookeeper' must be a text"),
            ("zookeeper", "is no TOML"),
        ] {
            let why = SettingsFile::parse(text).unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }
}
