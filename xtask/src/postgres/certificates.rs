//! The certificate of a server, made for it alone, and the one of the authority that signed it.

use super::install::User;
use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

/// The files, in the server's folder.
pub(super) struct Certificates {
    /// Of the authority: whoever trusts it trusts the server.
    pub(super) authority: PathBuf,
    pub(super) server: PathBuf,
    pub(super) key: PathBuf,
}

impl Certificates {
    /// Makes them for 127.0.0.1. `localhost` is not named, so that a test can ask for the wrong host.
    pub(super) fn make(folder: &Path, user: Option<&User>) -> anyhow::Result<Certificates> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "velox test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = Issuer::new(params.clone(), KeyPair::generate()?);
        let root = params.self_signed(authority.key())?;
        let key = KeyPair::generate()?;
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
        Ok(Certificates {
            authority: write(folder.join("authority.pem"), &root.pem(), user)?,
            server: write(folder.join("server.pem"), &server.pem(), user)?,
            key: write(folder.join("server.key"), &key.serialize_pem(), user)?,
        })
    }
}

/// Writes a file that the server's user alone can read: PostgreSQL refuses a key that others can.
fn write(path: PathBuf, text: &str, user: Option<&User>) -> anyhow::Result<PathBuf> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    std::io::Write::write_all(&mut file.with_context(|| format!("cannot write {}", path.display()))?, text.as_bytes())?;
    if let Some(user) = user {
        chown(&path, Some(user.uid), Some(user.gid))?;
    }
    Ok(path)
}
