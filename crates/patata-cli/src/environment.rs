//! The environment: read once, when the program begins.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The variables of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(HashMap<OsString, OsString>);

impl Environment {
    pub(crate) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// What a variable says; one that is empty says nothing.
    pub(crate) fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.0.get(name.as_ref()).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The file of defaults, which need not be there.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        let folder = match self.get("XDG_CONFIG_HOME") {
            Some(folder) => PathBuf::from(folder),
            None if cfg!(windows) => PathBuf::from(self.get("APPDATA")?),
            None => PathBuf::from(self.get("HOME")?).join(".config"),
        };
        Some(folder.join("patata").join("config.toml"))
    }
}
