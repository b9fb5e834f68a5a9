//! Java and Hadoop: which Java would run, and whether the installation has the jar of Streaming.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::finding::Finding;
use super::tool::answer;

/// The oldest Java that Hadoop 3 runs on.
const OLDEST: u32 = 8;
/// The newest Java that jobs with heartline were tried with.
const NEWEST_TRIED: u32 = 17;

/// The most files of a folder that are looked at.
const MOST_FILES: usize = 2000;

/// Where an installation has the jar.
const TOOLS: &str = "share/hadoop/tools/lib";

/// Looks at Java and at Hadoop until `end`.
pub(super) fn findings(end: Instant) -> Vec<Finding> {
    let home = env::var_os("HADOOP_HOME").filter(|home| !home.is_empty());
    let java = java(env::var_os("JAVA_HOME"), env::var_os("PATH"));
    let said = java
        .as_deref()
        .map(|java| answer(java.as_os_str(), "-version", end));
    vec![
        judge_java(java.as_deref(), said, home.is_some()),
        judge_hadoop(home.map(PathBuf::from).as_deref(), &streaming_jar),
    ]
}

/// The Java that Hadoop's scripts would start: that of `JAVA_HOME`, or the first of the `PATH`.
fn java(home: Option<OsString>, path: Option<OsString>) -> Option<PathBuf> {
    if let Some(home) = home.filter(|home| !home.is_empty()) {
        return Some(Path::new(&home).join("bin/java"));
    }
    let path = path?;
    let mut places = env::split_paths(&path).map(|folder| folder.join("java"));
    places.find(|place| place.is_file())
}

/// The major version in `openjdk version "17.0.9" 2023-10-17` or `java version "1.8.0_292"`.
fn major(said: &str) -> Option<u32> {
    let version = said.split('"').nth(1)?;
    let version = version.strip_prefix("1.").unwrap_or(version);
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn judge_java(
    java: Option<&Path>,
    said: Option<Result<String, String>>,
    has_hadoop: bool,
) -> Finding {
    const CHECK: &str = "java";
    const ADVICE: &str =
        "install a Java that this Hadoop supports (tried with 17), and export JAVA_HOME";
    // Outside of Hadoop nothing needs Java.
    let missing = |found: String| {
        if has_hadoop {
            Finding::error(CHECK, found, ADVICE)
        } else {
            Finding::warning(CHECK, found, format!("{ADVICE}, if jobs are started here"))
        }
    };
    let (Some(java), Some(said)) = (java, said) else {
        return missing("is not found: neither JAVA_HOME nor PATH has one".to_owned());
    };
    let shown = java.display();
    match said.map(|said| major(&said)) {
        Err(why) => missing(format!("{shown} {why}")),
        Ok(None) => missing(format!("{shown} does not say its version as Java does")),
        Ok(Some(version)) if version < OLDEST => missing(format!("{shown} is Java {version}")),
        Ok(Some(version)) if version > NEWEST_TRIED => Finding::warning(
            CHECK,
            format!("{shown} is Java {version}, and Hadoop was tried with {NEWEST_TRIED}"),
            "look whether this Hadoop supports it, or export JAVA_HOME of an older one",
        ),
        Ok(Some(version)) => Finding::ok(CHECK, format!("{shown} is Java {version}")),
    }
}

/// The jar of Streaming of an installation.
fn streaming_jar(home: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(home.join(TOOLS)).ok()?.take(MOST_FILES);
    let paths = files.filter_map(|file| Some(file.ok()?.path()));
    let mut jars = paths.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("hadoop-streaming-") && name.ends_with(".jar")
    });
    jars.next()
}

fn judge_hadoop(home: Option<&Path>, jar: &dyn Fn(&Path) -> Option<PathBuf>) -> Finding {
    const CHECK: &str = "hadoop";
    let Some(home) = home else {
        return Finding::warning(
            CHECK,
            "HADOOP_HOME is not set",
            "export it if jobs are started here by hadoop jar",
        );
    };
    match jar(home) {
        Some(jar) => Finding::ok(CHECK, format!("streams by {}", jar.display())),
        None => Finding::error(
            CHECK,
            format!(
                "HADOOP_HOME {} has no {TOOLS}/hadoop-streaming-*.jar",
                home.display()
            ),
            "set it to the folder of an installation",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn the_version_of_java_is_understood() {
        assert_eq!(
            major("openjdk version \"17.0.9\" 2023-10-17\nOpenJDK"),
            Some(17)
        );
        assert_eq!(major("java version \"1.8.0_292\""), Some(8));
        assert_eq!(major("openjdk version \"21\" 2023-09-19"), Some(21));
        assert_eq!(major("bash: java: not found"), None);
    }

    #[test]
    fn java_matters_where_hadoop_is() {
        let level = |said: Option<&str>, hadoop| {
            let java = said.map(|_| Path::new("/usr/bin/java"));
            judge_java(java, said.map(|said| Ok(said.to_owned())), hadoop).level
        };
        assert_eq!(level(Some("openjdk version \"11.0.2\""), true), Level::Ok);
        assert_eq!(
            level(Some("openjdk version \"21\" 2023-09-19"), true),
            Level::Warning
        );
        assert_eq!(level(Some("java version \"1.7.0_80\""), true), Level::Error);
        assert_eq!(level(None, true), Level::Error);
        assert_eq!(level(None, false), Level::Warning);
        let slow = judge_java(
            Some(Path::new("java")),
            Some(Err("does not".to_owned())),
            true,
        );
        assert_eq!(slow.level, Level::Error);
    }

    #[test]
    fn the_home_of_java_comes_before_the_path() {
        let home = java(Some("/opt/java".into()), Some("/usr/bin".into()));
        assert_eq!(home, Some(PathBuf::from("/opt/java/bin/java")));
        assert_eq!(java(Some("".into()), None), None);
    }

    #[test]
    fn an_installation_has_the_jar() {
        let home = Path::new("/opt/hadoop");
        let jar = |_: &Path| Some(PathBuf::from("/opt/hadoop/x.jar"));
        assert_eq!(judge_hadoop(Some(home), &jar).level, Level::Ok);
        assert_eq!(judge_hadoop(Some(home), &|_| None).level, Level::Error);
        assert_eq!(judge_hadoop(None, &jar).level, Level::Warning);
    }
}
