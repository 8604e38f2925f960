//! The adapter against what it promises.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod authenticate;
mod bcrypt_hasher;
mod key_file;
mod keyed_secrets;
mod paseto_signer;
mod sealed_box;
