//! The folders of the fetched jars.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The jars that `scripts/fetch-parts` fetches: of Hadoop and `ZooKeeper`, of Kafka, or of an old `ZooKeeper`.
pub(crate) struct Parts {
    lib: PathBuf,
}

impl Parts {
    /// Finds the jars, and fetches them if they are missing: once per test process, and safe for many at once, for
    /// the script holds a lock.
    pub(crate) fn get() -> &'static Self {
        static PARTS: OnceLock<Parts> = OnceLock::new();
        PARTS.get_or_init(|| Self::fetch("hadoop", "parts/lib"))
    }

    /// The jars of Kafka.
    pub(crate) fn of_kafka() -> &'static Self {
        static PARTS: OnceLock<Parts> = OnceLock::new();
        PARTS.get_or_init(|| Self::fetch("kafka", "parts/kafka"))
    }

    /// Hadoop's native library.
    pub(crate) fn of_native() -> &'static Self {
        static PARTS: OnceLock<Parts> = OnceLock::new();
        PARTS.get_or_init(|| Self::fetch("native", "parts/native"))
    }

    /// The jars of a `ZooKeeper` that is too old.
    pub(crate) fn of_old_zookeeper() -> &'static Self {
        static PARTS: OnceLock<Parts> = OnceLock::new();
        PARTS.get_or_init(|| Self::fetch("zookeeper-3.4", "parts/zookeeper-3.4"))
    }

    fn fetch(set: &str, lib: &str) -> Self {
        let script = Self::root().join("scripts/fetch-parts");
        let output = Command::new(&script)
            .arg(set)
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", script.display()));
        assert!(
            output.status.success(),
            "scripts/fetch-parts failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self {
            lib: Self::home().join(lib),
        }
    }

    /// The root folder of the repository.
    pub(crate) fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// The folder below which the scripts keep everything.
    pub(crate) fn home() -> PathBuf {
        std::env::var_os("HEARTLINE_HOME_DIR")
            .map_or_else(|| Self::root().join(".heartline"), PathBuf::from)
    }

    /// The option by which a Java program of the parts logs as a cluster's servers do.
    pub(crate) fn logging() -> String {
        let file = Self::root().join("crates/cluster/src/configuration/log4j.properties");
        format!("-Dlog4j.configuration=file:{}", file.display())
    }

    /// The folder of the jars.
    pub(crate) fn folder(&self) -> &Path {
        &self.lib
    }

    /// A class path with all the jars.
    pub(crate) fn class_path(&self) -> String {
        format!("{}/*", self.lib.display())
    }
}
