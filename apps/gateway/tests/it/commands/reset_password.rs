//! `velox user reset-password` lets somebody in again.

use velox_crypto::{BcryptConfig, BcryptHasher, KeyRing, KeyedSecrets, SystemClock, SystemIds};
use velox_identity::{IdentityStore, Password, PasswordHasher};
use velox_kernel::Clock;

use super::database::Embedded;
use super::velox;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_takes_the_old_ones_place() {
    let database = Embedded::new();
    let keys = KeyRing::create(&database.0.path().join("data/keys.json")).unwrap();
    let (user, old) = owner(&database, &keys).await;

    let reset = |email: &str| velox(database.0.path(), &["user", "reset-password", email], &[]);
    reset("nobody@example.com").ends(1).says(&["nobody has the address nobody@example.com"]);
    reset("nobody").ends(2).says(&["is not an e-mail address"]);
    let server = database.open();
    reset("ada@example.com").ends(1).says(&["a server holds the database: stop it"]);
    server.close();
    let said = reset("ada@example.com").ends(0).says(&["shown this once", "Every session"]);
    let new = said.out.lines().find(|line| line.starts_with("  ")).unwrap().trim().to_owned();

    let store = database.open();
    let after = store.user_by_email(&"ada@example.com".parse().unwrap()).await.unwrap().unwrap();
    let hasher = BcryptHasher::new(&keys, BcryptConfig::default()).unwrap();
    let fits = async |text: &str| hasher.verify(&Password::new(text).unwrap(), &after.password_hash).await.unwrap();
    assert!(fits(&new).await);
    assert!(!fits(&old).await);
    assert!(after.session_version > user.session_version, "tokens of before are worth nothing");
    let live = store.live_sessions(after.org, after.id, SystemClock.now(), 10).await.unwrap();
    assert!(live.is_empty(), "{live:?}");
    store.close();
}

/// An owner as the first start makes one, with the password.
async fn owner(database: &Embedded, keys: &KeyRing) -> (velox_identity::User, String) {
    use std::sync::Arc;
    use velox_identity::{Identity, IdentityConfig, IdentityPorts, create_first_owner};
    struct Nobody;
    impl velox_identity::AccessListener for Nobody {
        fn sessions_ended(&self, _: &[velox_kernel::SessionId]) {}
        fn user_changed(&self, _: velox_kernel::UserId) {}
    }
    let binding = velox_crypto::TokenBinding { audience: "velox".to_owned(), environment: "paper".to_owned() };
    let store = Arc::new(database.open());
    let ports = IdentityPorts {
        store: store.clone(),
        hasher: Arc::new(BcryptHasher::new(keys, BcryptConfig { cost: 4, ..BcryptConfig::default() }).unwrap()),
        signer: Arc::new(velox_crypto::PasetoSigner::new(keys, &binding)),
        secrets: Arc::new(KeyedSecrets::new(keys)),
        access_listener: Arc::new(Nobody),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    };
    let identity = Identity::new(ports, IdentityConfig::default());
    let made = create_first_owner(&identity, "ada@example.com".parse().unwrap(), "Ada".parse().unwrap()).await;
    let made = made.unwrap().unwrap();
    drop(identity);
    Arc::into_inner(store).unwrap().close();
    (made.user, made.password.reveal().to_owned())
}
