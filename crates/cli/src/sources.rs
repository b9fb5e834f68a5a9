//! Where the value of an option comes from, if it is not on the command line: its variable, the property of a Hadoop job,
//! the settings file.

use std::env::var_os;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::settings_file::{SettingsFile, VARIABLE};

/// What gave an option its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The command line.
    #[cfg(feature = "tables")]
    CommandLine,
    /// This environment variable.
    Variable(String),
    /// This property of the Hadoop job.
    Property(String),
    /// The settings file, and its line from 1.
    File { path: PathBuf, line: usize },
    /// Nothing: it is the default.
    #[cfg(feature = "tables")]
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "tables")]
            Self::CommandLine => f.write_str("option"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Property(name) => write!(f, "property {name}"),
            Self::File { path, line } => write!(f, "file {}:{line}", path.display()),
            #[cfg(feature = "tables")]
            Self::Default => f.write_str("default"),
        }
    }
}

/// The sources of this process below the command line.
#[derive(Debug, Default)]
pub(super) struct Sources {
    file: SettingsFile,
    path: PathBuf,
}

impl Sources {
    /// Reads the settings file, if the variable or the job's property names one.
    ///
    /// # Errors
    /// As of [`SettingsFile::read`].
    pub(super) fn of_process() -> Result<Self, String> {
        let named = var_os(VARIABLE).or_else(|| var_os(VARIABLE.to_ascii_lowercase()));
        let Some(path) = named.filter(|path| !path.is_empty()) else {
            return Ok(Self::default());
        };
        let path = PathBuf::from(path);
        let file = SettingsFile::read(&path)?;
        Ok(Self { file, path })
    }

    /// The value of the option with this variable, and its origin; `None` if no source has one.
    pub(super) fn find(&self, variable: &str) -> Option<(OsString, Origin)> {
        let own = var_os(variable).map(|value| (value, Origin::Variable(variable.to_owned())));
        own.or_else(|| self.below_variable(variable))
    }

    /// The same without the variable.
    pub(super) fn below_variable(&self, variable: &str) -> Option<(OsString, Origin)> {
        let exported = variable.to_ascii_lowercase();
        if let Some(value) = var_os(&exported) {
            return Some((value, Origin::Property(exported.replace('_', "."))));
        }
        let written = self.file.value(variable)?;
        let origin = Origin::File {
            path: self.path.clone(),
            line: written.line,
        };
        Some((written.value.clone().into(), origin))
    }
}
