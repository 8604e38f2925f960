//! What a request's authentication costs: with the token in memory, and with its signature to be checked.
#![allow(clippy::unwrap_used, reason = "a benchmark")]
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use velox_crypto::{
    BcryptConfig, BcryptHasher, KeyRing, KeyedSecrets, PasetoSigner, SystemClock, SystemIds, TokenBinding,
};
use velox_identity::{
    Identity, IdentityConfig, IdentityPorts, LogIn, Password, SessionLabel, TokenSigner, authenticate,
    create_first_owner, log_in,
};
use velox_kernel::Clock;
use velox_testkit::identity::{EndedSessions, MemoryIdentityStore};

const ROUNDS: u32 = 1_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let keys = KeyRing::generate().unwrap();
    let binding = TokenBinding { audience: "bench".into(), environment: "paper".into() };
    let ports = IdentityPorts {
        store: Arc::new(MemoryIdentityStore::default()),
        hasher: Arc::new(BcryptHasher::new(&keys, BcryptConfig { cost: 4, threads: 1, waiting: 8 }).unwrap()),
        signer: Arc::new(PasetoSigner::new(&keys, &binding)),
        secrets: Arc::new(KeyedSecrets::new(&keys)),
        access_listener: Arc::new(EndedSessions::default()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    };
    let identity = Identity::new(ports, IdentityConfig::default());
    let owner = create_first_owner(&identity, "owner@velox.local".parse().unwrap(), "Owner".parse().unwrap());
    let owner = owner.await.unwrap().unwrap();
    let password = Password::new(owner.password.reveal()).unwrap();
    let command = LogIn { email: owner.user.email, password, label: SessionLabel::default() };
    let token = log_in(&identity, command).await.unwrap().tokens.access;

    let begun = Instant::now();
    for _ in 0..ROUNDS {
        black_box(authenticate(&identity, black_box(token.reveal())).await.unwrap());
    }
    println!("authenticate, token in memory: {:?} each", begun.elapsed() / ROUNDS);

    let signer = PasetoSigner::new(&keys, &binding);
    let now = SystemClock.now();
    let begun = Instant::now();
    for _ in 0..ROUNDS / 1_000 {
        black_box(signer.verify(black_box(token.reveal()), now).unwrap());
    }
    println!("a signature checked: {:?} each", begun.elapsed() / (ROUNDS / 1_000));
}
