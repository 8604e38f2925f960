//! Secrets that are given out.

use velox_crypto::{KeyRing, KeyedSecrets};
use velox_identity::{NewPassword, Secrets};

#[test]
fn tokens_are_long_different_and_kept_as_keyed_digests() {
    let keys = KeyRing::generate().unwrap();
    let secrets = KeyedSecrets::new(&keys);
    let (one, two) = (secrets.refresh_token().unwrap(), secrets.refresh_token().unwrap());
    assert!(one.reveal().starts_with("vlx_refresh_") && one.reveal().len() == 12 + 43);
    assert_ne!(one.reveal(), two.reveal());
    assert_eq!(secrets.digest(&one), KeyedSecrets::new(&keys).digest(&one));
    assert_ne!(secrets.digest(&one), secrets.digest(&two));
    assert_ne!(secrets.digest(&one), KeyedSecrets::new(&KeyRing::generate().unwrap()).digest(&one));
    assert_ne!(secrets.fingerprint(one.reveal().as_bytes()), secrets.digest(&one), "one purpose is not the other");
    assert!(!format!("{one:?} {secrets:?}").contains(&one.reveal()[12..]));
}

#[test]
fn generated_passwords_keep_to_the_policy() {
    let secrets = KeyedSecrets::new(&KeyRing::generate().unwrap());
    for _ in 0..100 {
        let password = secrets.password().unwrap();
        assert_eq!(password.reveal().len(), 29);
        let (email, name) = ("owner@example.com".parse().unwrap(), "Owner".parse().unwrap());
        assert!(NewPassword::new(password.reveal(), &email, &name).is_ok(), "{}", password.reveal());
        assert!(!format!("{password:?}").contains(password.reveal()));
    }
}
