//! Credentials in the store.

use secrecy::{ExposeSecret, SecretString};
use velox_brokers::{SecretBox, SecretBoxError, SecretPlace};
use velox_crypto::{AesGcmBox, KeyRing};

fn place(field: &str) -> SecretPlace<'_> {
    SecretPlace {
        org: "org_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        connection: "brk_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        field,
    }
}

#[test]
fn what_was_sealed_opens_in_its_place_only() {
    let sealing = AesGcmBox::new(&KeyRing::generate().unwrap());
    let secret = SecretString::from("s3cret \u{1f511}");
    let sealed = sealing.seal(&place("api_key"), &secret).unwrap();
    assert_eq!(sealing.open(&place("api_key"), &sealed).unwrap().expose_secret(), secret.expose_secret());
    assert!(!sealed.bytes.windows(6).any(|bytes| bytes == b"s3cret"));
    let elsewhere = [
        place("api_secret"),
        SecretPlace { org: "org_01h455vb4pex5vsknk084sn02r".parse().unwrap(), ..place("api_key") },
        SecretPlace { connection: "brk_01h455vb4pex5vsknk084sn02r".parse().unwrap(), ..place("api_key") },
    ];
    for other in elsewhere {
        assert_eq!(sealing.open(&other, &sealed).unwrap_err(), SecretBoxError::DoesNotOpen, "{other:?}");
    }
    assert_ne!(sealing.seal(&place("api_key"), &secret).unwrap(), sealed, "the same text twice");
    let empty = sealing.seal(&place("api_key"), &SecretString::from("")).unwrap();
    assert_eq!(sealing.open(&place("api_key"), &empty).unwrap().expose_secret(), "");
}

#[test]
fn a_changed_or_shortened_record_does_not_open() {
    let sealing = AesGcmBox::new(&KeyRing::generate().unwrap());
    let sealed = sealing.seal(&place("api_key"), &SecretString::from("secret")).unwrap();
    for byte in 0..sealed.bytes.len() {
        let mut changed = sealed.clone();
        changed.bytes[byte] ^= 1;
        assert_eq!(sealing.open(&place("api_key"), &changed).unwrap_err(), SecretBoxError::DoesNotOpen, "{byte}");
        changed.bytes = sealed.bytes[..byte].to_vec();
        assert_eq!(sealing.open(&place("api_key"), &changed).unwrap_err(), SecretBoxError::DoesNotOpen, "{byte}");
    }
}

#[test]
fn older_master_keys_open_and_are_outdated() {
    let old = KeyRing::generate().unwrap();
    let new = old.clone().with_new_master_key().unwrap();
    let (before, after) = (AesGcmBox::new(&old), AesGcmBox::new(&new));
    let sealed = before.seal(&place("api_key"), &SecretString::from("secret")).unwrap();
    assert_eq!(after.open(&place("api_key"), &sealed).unwrap().expose_secret(), "secret");
    assert!(after.is_outdated(&sealed) && !before.is_outdated(&sealed));
    let sealed = after.seal(&place("api_key"), &SecretString::from("secret")).unwrap();
    assert!(!after.is_outdated(&sealed));
    let unknown = SecretBoxError::UnknownKey(sealed.key_id.clone());
    assert_eq!(before.open(&place("api_key"), &sealed).unwrap_err(), unknown);
    let mut renamed = sealed;
    renamed.key_id = before.seal(&place("api_key"), &SecretString::from("x")).unwrap().key_id;
    assert_eq!(after.open(&place("api_key"), &renamed).unwrap_err(), SecretBoxError::DoesNotOpen);
}
