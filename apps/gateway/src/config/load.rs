//! Bringing the sources together.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::keys::{Config, KEYS};
use super::setting::Key;
use super::suggest::nearest;
use super::toml_file;

/// The file that is read when none is named and it exists.
const USUAL_FILE: &str = "velox.toml";
/// Variables of this prefix belong to tests, never to the configuration.
const FOR_TESTS: &str = "VELOX_TEST_";

/// Everything configuration may come from, besides the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by a flag or by `VELOX_CONFIG`; then it must exist.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Flags: the flag as it was written, the full key, the text.
    pub flags: Vec<(String, String, String)>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The table of keys.
    Default,
    /// A line of the file.
    File(PathBuf, usize),
    /// A variable of the environment.
    Variable(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// A key with the text it has and where that came from.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: &'static Key,
    /// Its text; of a secret, too.
    pub(super) text: String,
    /// Where it came from.
    pub origin: Origin,
}

/// The configuration and where each value came from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The values, typed.
    pub config: Config,
    /// The values as text, in the order of the table.
    pub entries: Vec<Entry>,
}

/// What is wrong with the configuration: the key, where it was set, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Loads the configuration.
///
/// # Errors
/// [`ConfigError`] for a file that cannot be read, an unknown key, a wrong value, an unusable secret.
pub fn load(sources: &Sources) -> Result<Settings, ConfigError> {
    let mut given: HashMap<String, (String, Origin)> = HashMap::new();
    read_file(sources, &mut given)?;
    for (name, text) in &sources.environment {
        if !name.starts_with("VELOX_") || name == "VELOX_CONFIG" || name.starts_with(FOR_TESTS) {
            continue;
        }
        let key = key_of_variable(name)?;
        given.insert(key, (text.clone(), Origin::Variable(name.clone())));
    }
    for (flag, key, text) in &sources.flags {
        known(key, &Origin::Flag(flag.clone()))?;
        given.insert(key.clone(), (text.clone(), Origin::Flag(flag.clone())));
    }
    let entries = KEYS.iter().map(|key| entry(key, &given)).collect::<Result<Vec<_>, _>>()?;
    let find =
        |section: &str, name: &str| entries.iter().find(|entry| entry.key.section == section && entry.key.name == name);
    let config = Config::read(
        |section, name| find(section, name).map(|entry| entry.text.clone()).unwrap_or_default(),
        |section, name, wrong| match find(section, name) {
            Some(entry) => refuse(entry, &wrong),
            None => ConfigError(format!("{section}.{name} {wrong}")),
        },
    )?;
    Ok(Settings { config, entries })
}

fn read_file(sources: &Sources, given: &mut HashMap<String, (String, Origin)>) -> Result<(), ConfigError> {
    let path = match &sources.file {
        Some(path) => path.as_path(),
        None if Path::new(USUAL_FILE).is_file() => Path::new(USUAL_FILE),
        None => return Ok(()),
    };
    let content = std::fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("the configuration file {} cannot be read: {error}", path.display())))?;
    for value in toml_file::read(path, &content).map_err(ConfigError)? {
        let origin = Origin::File(path.to_owned(), value.line);
        known(&value.key, &origin)?;
        given.insert(value.key, (value.text, origin));
    }
    Ok(())
}

/// The key's value: as given, from the file that `…_file` names, or by default.
fn entry(key: &'static Key, given: &HashMap<String, (String, Origin)>) -> Result<Entry, ConfigError> {
    let name = key.full_name();
    let direct = given.get(&name);
    let by_file = given.get(&format!("{name}_file"));
    let (text, origin) = match (direct, by_file) {
        (Some((_, first)), Some((_, second))) => {
            return Err(ConfigError(format!("{name} is set twice: by {first} and, as {name}_file, by {second}")));
        }
        (None, Some((path, origin))) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                ConfigError(format!("{name}_file (set by {origin}) names {path}, which cannot be read: {error}"))
            })?;
            if text.trim().is_empty() {
                return Err(ConfigError(format!("{name}_file (set by {origin}) names {path}, which is empty")));
            }
            (text.trim().to_owned(), origin.clone())
        }
        (Some((text, origin)), None) => (text.clone(), origin.clone()),
        (None, None) => (key.default.to_owned(), Origin::Default),
    };
    let entry = Entry { key, text, origin };
    if entry.key.secret && entry.text.trim().is_empty() && entry.origin != Origin::Default {
        return Err(refuse(&entry, "is empty; leave it out or give it a value"));
    }
    if !key.check.allows(&entry.text) {
        return Err(refuse(&entry, &format!("must be {}", key.check.describe())));
    }
    Ok(entry)
}

fn refuse(entry: &Entry, wrong: &str) -> ConfigError {
    let name = entry.key.full_name();
    let unit = if entry.key.unit.is_empty() { String::new() } else { format!(" ({})", entry.key.unit) };
    if entry.key.secret {
        ConfigError(format!("{name} (set by {}) {wrong}", entry.origin))
    } else {
        ConfigError(format!("{name} = `{}` (set by {}) is not allowed: it {wrong}{unit}", entry.text, entry.origin))
    }
}

/// Whether there is such a key, or `…_file` of a secret one.
fn is_known(name: &str) -> bool {
    KEYS.iter().any(|key| {
        let full = key.full_name();
        full == name || (key.secret && name.strip_suffix("_file") == Some(full.as_str()))
    })
}

fn known(name: &str, origin: &Origin) -> Result<(), ConfigError> {
    if is_known(name) {
        return Ok(());
    }
    let names: Vec<String> = KEYS.iter().map(Key::full_name).collect();
    Err(unknown(name, origin, nearest(name, names.iter().map(String::as_str))))
}

fn key_of_variable(variable: &str) -> Result<String, ConfigError> {
    for key in KEYS {
        let name = key.variable();
        if name == variable {
            return Ok(key.full_name());
        }
        if key.secret && variable.strip_suffix("_FILE") == Some(name.as_str()) {
            return Ok(format!("{}_file", key.full_name()));
        }
    }
    let names: Vec<String> = KEYS.iter().map(Key::variable).collect();
    let near = nearest(variable, names.iter().map(String::as_str));
    Err(unknown(variable, &Origin::Variable("the environment".to_owned()), near))
}

fn unknown(name: &str, origin: &Origin, near: Option<&str>) -> ConfigError {
    let hint = near
        .map_or_else(|| "`velox config print` lists all of them".to_owned(), |near| format!("did you mean `{near}`?"));
    ConfigError(format!("`{name}` (set by {origin}) is no key of the configuration; {hint}"))
}
