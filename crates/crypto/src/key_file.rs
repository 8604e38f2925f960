//! The file of a [`KeyRing`]: written once, read by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use velox_identity::NoRandomness;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::key::Key;
use crate::key_ring::{MOST_KEYS, MasterKey, SigningKey};
use crate::{KeyRing, WeakKey};

/// The format this build writes and reads.
const FORMAT: u32 = 1;
/// A key file is far smaller.
const LARGEST: u64 = 64 * 1024;
/// Tells the drafts of one process apart.
static DRAFTS: AtomicU64 = AtomicU64::new(0);
/// Said in the file, for whoever opens it.
const NOTE: &str = "The secrets of a Velox installation. Keep it, keep it secret, and back it up beside the database.";

/// Why there is no key ring.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The file could not be read or written.
    #[error("cannot {action} the key file {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Others than the owner can read or write it.
    #[error("the key file {path} is open to others (mode {mode:04o}); run: chmod 600 {path}")]
    LoosePermissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a key file, or one of another format.
    #[error("the key file {path} cannot be understood: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, without what stands there.
        reason: String,
    },
    /// A key in it is none.
    #[error("the key {name} in {path} {weakness}")]
    Weak {
        /// The file.
        path: PathBuf,
        /// Which key.
        name: String,
        /// What is wrong with it.
        weakness: WeakKey,
    },
    /// New keys could not be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// The file's JSON. All keys are hexadecimal digits.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    format: u32,
    note: String,
    password_pepper: String,
    digests: String,
    signing: Vec<String>,
    master: Vec<String>,
}

impl KeyRing {
    /// Reads the ring from its file.
    ///
    /// # Errors
    /// [`KeyRingError`] when the file is missing, open to others, incomplete, or holds a key that is empty, short,
    /// an example, used twice or not random.
    pub fn load(path: &Path) -> Result<Self, KeyRingError> {
        let io = |error| KeyRingError::Io { action: "read", path: path.into(), error };
        let file = File::open(path).map_err(io)?;
        refuse_loose_permissions(path, &file)?;
        let mut text = Zeroizing::new(String::new());
        file.take(LARGEST).read_to_string(&mut text).map_err(io)?;
        let parsed: KeyFile = serde_json::from_str(&text).map_err(|error| {
            // The parser's own words may quote what stands in the file.
            let reason = format!("it is not the expected JSON at line {}, column {}", error.line(), error.column());
            KeyRingError::Malformed { path: path.into(), reason }
        })?;
        parsed.into_ring().map_err(|wrong| wrong.at(path))
    }

    /// Makes a ring of new keys and its file (mode 0600); folders in between are not made. A file that is there
    /// already is never replaced.
    ///
    /// # Errors
    /// [`KeyRingError`]; of kind `AlreadyExists` when there is such a file.
    pub fn create(path: &Path) -> Result<Self, KeyRingError> {
        let ring = Self::generate()?;
        ring.write(path, |draft| fs::hard_link(draft, path))?;
        Ok(ring)
    }

    /// Reads the ring, or makes it when there is no file. Two processes that start at once agree on one ring. The
    /// flag says whether it is new.
    ///
    /// # Errors
    /// As [`KeyRing::load`] and [`KeyRing::create`].
    pub fn load_or_create(path: &Path) -> Result<(Self, bool), KeyRingError> {
        match Self::load(path) {
            Err(KeyRingError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded.map(|ring| (ring, false)),
        }
        match Self::create(path) {
            Err(KeyRingError::Io { error, .. }) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::load(path).map(|ring| (ring, false))
            }
            created => created.map(|ring| (ring, true)),
        }
    }

    /// Writes the ring in place of its file, whole or not at all: after a rotation.
    ///
    /// # Errors
    /// [`KeyRingError::Io`]; the file is as it was.
    pub fn save(&self, path: &Path) -> Result<(), KeyRingError> {
        self.write(path, |draft| fs::rename(draft, path))
    }

    /// Writes a draft beside the file, durably, and lets `publish` give it its name.
    fn write(&self, path: &Path, publish: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), KeyRingError> {
        let io = |error| KeyRingError::Io { action: "write", path: path.into(), error };
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = path.with_extension(format!("{}-{number}.draft", std::process::id()));
        let text = Zeroizing::new(serde_json::to_string_pretty(&KeyFile::of(self)).map_err(|error| io(error.into()))?);
        let written = write_draft(&draft, text.as_bytes()).and_then(|()| publish(&draft));
        // After a rename there is no draft any more; after a failure it must not stay.
        let _ = fs::remove_file(&draft);
        written.and_then(|()| sync_folder(path)).map_err(io)
    }
}

impl KeyFile {
    fn of(ring: &KeyRing) -> Self {
        Self {
            format: FORMAT,
            note: NOTE.into(),
            password_pepper: hex::encode(ring.pepper.bytes()),
            digests: hex::encode(ring.digests.bytes()),
            signing: ring.signing.iter().map(|key| hex::encode(key.secret.as_bytes())).collect(),
            master: ring.master.iter().map(|key| hex::encode(key.key.bytes())).collect(),
        }
    }

    fn into_ring(self) -> Result<KeyRing, Wrong> {
        if self.format != FORMAT {
            return Err(Wrong::Form(format!("it has format {} and this build reads {FORMAT}", self.format)));
        }
        if self.signing.is_empty() || self.master.is_empty() {
            return Err(Wrong::Form("it needs at least one signing and one master key".into()));
        }
        if self.signing.len() > MOST_KEYS {
            return Err(Wrong::Form(format!("it has more than {MOST_KEYS} signing keys")));
        }
        let weak = |name: &str| {
            let name = name.to_owned();
            move |weakness| Wrong::Weak { name, weakness }
        };
        let ring = KeyRing {
            pepper: Key::from_hex(&self.password_pepper).map_err(weak("password_pepper"))?,
            digests: Key::from_hex(&self.digests).map_err(weak("digests"))?,
            signing: numbered(&self.signing, "signing", SigningKey::from_hex)?,
            master: numbered(&self.master, "master", |text| Key::from_hex(text).map(MasterKey::new))?,
        };
        ring.refuse_reuse()?;
        Ok(ring)
    }
}

fn numbered<T>(keys: &[String], list: &str, read: fn(&str) -> Result<T, WeakKey>) -> Result<Vec<T>, Wrong> {
    let named = |(place, text): (usize, &String)| {
        read(text).map_err(|weakness| Wrong::Weak { name: format!("{list}[{place}]"), weakness })
    };
    keys.iter().enumerate().map(named).collect()
}

impl KeyRing {
    /// One key, one purpose: what leaks in one place must not help in another.
    fn refuse_reuse(&self) -> Result<(), Wrong> {
        let mut keys: Vec<&[u8]> = vec![self.pepper.bytes(), self.digests.bytes()];
        keys.extend(self.signing.iter().map(|key| &key.secret.as_bytes()[..32]));
        keys.extend(self.master.iter().map(|key| key.key.bytes().as_slice()));
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        let name = "password_pepper, digests, signing or master".to_owned();
        if keys.len() == count { Ok(()) } else { Err(Wrong::Weak { name, weakness: WeakKey::Reused }) }
    }
}

/// What is wrong with a file, before it is said which.
enum Wrong {
    Form(String),
    Weak { name: String, weakness: WeakKey },
}

impl Wrong {
    fn at(self, path: &Path) -> KeyRingError {
        match self {
            Self::Form(reason) => KeyRingError::Malformed { path: path.into(), reason },
            Self::Weak { name, weakness } => KeyRingError::Weak { path: path.into(), name, weakness },
        }
    }
}

#[cfg(unix)]
fn refuse_loose_permissions(path: &Path, file: &File) -> Result<(), KeyRingError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|error| KeyRingError::Io { action: "read", path: path.into(), error })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyRingError::LoosePermissions { path: path.into(), mode }) }
}

/// Elsewhere a file's reach is a matter of its folder's access list, which the standard library does not read.
#[cfg(not(unix))]
fn refuse_loose_permissions(_: &Path, _: &File) -> Result<(), KeyRingError> {
    Ok(())
}

fn write_draft(draft: &Path, text: &[u8]) -> io::Result<()> {
    // A draft of an earlier process with this number that died half-way.
    let _ = fs::remove_file(draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(draft)?;
    file.write_all(text)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// A new name is durable when its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
