//! Keys and what is done with them, the system's clock and ids. See the README for what this crate must never do.

mod bcrypt_hasher;
mod hash_pool;
mod key;
mod key_file;
mod key_ring;
mod keyed_secrets;
mod paseto_signer;
mod peer_seal;
mod sealed_box;
mod system;

pub use bcrypt_hasher::{BcryptConfig, BcryptHasher};
pub use key::WeakKey;
pub use key_file::KeyRingError;
pub use key_ring::KeyRing;
pub use keyed_secrets::KeyedSecrets;
pub use paseto_signer::{PasetoSigner, TokenBinding};
pub use peer_seal::PeerSeal;
pub use sealed_box::AesGcmBox;
pub use system::{SystemClock, SystemIds};
