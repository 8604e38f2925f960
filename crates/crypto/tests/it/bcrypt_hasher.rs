//! Passwords.

use velox_crypto::{BcryptConfig, BcryptHasher, KeyRing};
use velox_identity::{HasherError, Password, PasswordHash, PasswordHasher};

fn quick(keys: &KeyRing) -> BcryptHasher {
    BcryptHasher::new(keys, BcryptConfig { cost: 4, threads: 1, waiting: 8 }).unwrap()
}

#[tokio::test]
async fn every_byte_of_a_long_password_counts() {
    let hasher = quick(&KeyRing::generate().unwrap());
    let password = |last: char| Password::new(&format!("{}{last}", "x".repeat(99))).unwrap();
    let hash = hasher.hash(&password('a')).await.unwrap();
    assert!(hasher.verify(&password('a'), &hash).await.unwrap());
    assert!(!hasher.verify(&password('b'), &hash).await.unwrap(), "100 bytes that differ in the last");
}

#[tokio::test]
async fn a_nul_ends_nothing() {
    let hasher = quick(&KeyRing::generate().unwrap());
    let hash = hasher.hash(&Password::new("before\0after").unwrap()).await.unwrap();
    assert!(!hasher.verify(&Password::new("before\0other").unwrap(), &hash).await.unwrap());
    assert!(!hasher.verify(&Password::new("before").unwrap(), &hash).await.unwrap());
}

#[tokio::test]
async fn a_hash_is_salted_and_worth_nothing_without_the_pepper() {
    let (one, other) = (KeyRing::generate().unwrap(), KeyRing::generate().unwrap());
    let password = Password::new("tin-lamp-orbit-fjord").unwrap();
    let hash = quick(&one).hash(&password).await.unwrap();
    assert!(hash.as_str().starts_with("$2b$04$"));
    assert_ne!(quick(&one).hash(&password).await.unwrap(), hash);
    assert!(!quick(&other).verify(&password, &hash).await.unwrap());
}

#[tokio::test]
async fn the_decoy_is_a_hash_of_the_right_cost_that_nothing_fits() {
    let hasher = quick(&KeyRing::generate().unwrap());
    let decoy = hasher.decoy();
    assert!(decoy.as_str().starts_with("$2b$04$"));
    assert_eq!(hasher.verify(&Password::new("").unwrap(), &decoy).await, Ok(false), "it is read, and does not fit");
}

#[tokio::test]
async fn an_unreadable_hash_is_a_failure_not_a_wrong_password() {
    let hasher = quick(&KeyRing::generate().unwrap());
    let outcome = hasher.verify(&Password::new("x").unwrap(), &PasswordHash::new("not a hash")).await;
    assert!(matches!(outcome, Err(HasherError::Failed(_))), "{outcome:?}");
}

#[test]
fn a_cost_that_bcrypt_does_not_have_is_refused() {
    let keys = KeyRing::generate().unwrap();
    for cost in [0, 3, 32] {
        assert!(BcryptHasher::new(&keys, BcryptConfig { cost, threads: 1, waiting: 1 }).is_err(), "{cost}");
    }
}
