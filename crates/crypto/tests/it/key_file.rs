//! The key file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use velox_crypto::{KeyRing, KeyRingError, KeyedSecrets, PasetoSigner, WeakKey};
use velox_identity::{RefreshToken, Secrets};

use crate::paseto_signer::binding;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    (folder, path)
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Two rings are the same when they do the same.
fn does(ring: &KeyRing) -> String {
    let digest = KeyedSecrets::new(ring).digest(&RefreshToken::new("x"));
    format!("{digest} {:?}", PasetoSigner::new(ring, &binding()))
}

#[test]
fn is_made_once_for_its_owner_only_and_read_ever_after() {
    let (folder, path) = folder();
    let (made, is_new) = KeyRing::load_or_create(&path).unwrap();
    assert!(is_new);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let (read, is_new) = KeyRing::load_or_create(&path).unwrap();
    assert!(!is_new);
    assert_eq!(does(&read), does(&made));
    assert!(KeyRing::create(&path).is_err(), "it is never replaced");
    assert_eq!(does(&KeyRing::load(&path).unwrap()), does(&made));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
    assert_eq!(format!("{made:?}"), "KeyRing");
}

#[test]
fn many_at_once_agree_on_one_ring() {
    let (folder, path) = folder();
    let rings: Vec<(String, bool)> = std::thread::scope(|scope| {
        let open =
            |_| scope.spawn(|| KeyRing::load_or_create(&path).map(|(ring, is_new)| (does(&ring), is_new)).unwrap());
        let threads: Vec<_> = (0..8).map(open).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(rings.iter().filter(|(_, is_new)| *is_new).count(), 1);
    assert!(rings.iter().all(|(ring, _)| *ring == rings[0].0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_rotation_replaces_the_file_whole() {
    let (folder, path) = folder();
    let (ring, _) = KeyRing::load_or_create(&path).unwrap();
    let rotated = ring.clone().with_new_signing_key().unwrap().with_new_master_key().unwrap();
    rotated.save(&path).unwrap();
    let read = KeyRing::load(&path).unwrap();
    assert_eq!(does(&read), does(&rotated));
    assert_ne!(does(&read), does(&ring));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_open_to_others_is_refused() {
    let (_folder, path) = folder();
    KeyRing::create(&path).unwrap();
    for mode in [0o640, 0o604, 0o644, 0o620, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = KeyRing::load_or_create(&path).unwrap_err();
        assert!(matches!(error, KeyRingError::LoosePermissions { mode: found, .. } if found == mode), "{error}");
        assert!(error.to_string().contains("chmod 600"));
    }
}

#[test]
fn what_is_no_key_file_is_refused_without_quoting_it() {
    let (_folder, path) = folder();
    for text in ["", "hunter2", "{}", "{\"format\":1}", "[]", "{\"password_pepper\":\"hunter2\"}"] {
        write(&path, text);
        let error = KeyRing::load_or_create(&path).unwrap_err();
        assert!(matches!(error, KeyRingError::Malformed { .. }), "{text}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

/// The weakness found after `change` has been made to a good file's JSON.
fn weakness(change: impl FnOnce(&mut serde_json::Value)) -> (String, WeakKey) {
    let (_folder, path) = folder();
    KeyRing::create(&path).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut json);
    write(&path, &json.to_string());
    match KeyRing::load(&path) {
        Err(KeyRingError::Weak { name, weakness, .. }) => (name, weakness),
        other => panic!("expected a weak key, got {other:?}"),
    }
}

#[test]
fn empty_short_example_regular_and_reused_keys_are_refused_by_name() {
    assert_eq!(weakness(|json| json["password_pepper"] = "".into()), ("password_pepper".into(), WeakKey::Empty));
    assert_eq!(weakness(|json| json["digests"] = "changeme".into()), ("digests".into(), WeakKey::NotHex));
    let short = WeakKey::Length { expected: 32, found: 16 };
    assert_eq!(weakness(|json| json["master"][0] = "0123456789abcdef".repeat(2).into()), ("master[0]".into(), short));
    assert_eq!(weakness(|json| json["digests"] = "ab".repeat(32).into()), ("digests".into(), WeakKey::LowEntropy));
    let example = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    assert_eq!(weakness(|json| json["digests"] = example.into()), ("digests".into(), WeakKey::Example));
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let pair = format!("{example}{public}");
    assert_eq!(weakness(|json| json["signing"][0] = pair.into()), ("signing[0]".into(), WeakKey::Example));
    let mismatched = |json: &mut serde_json::Value| {
        let key = json["signing"][0].as_str().unwrap().to_owned();
        json["signing"][0] = format!("{}{public}", &key[..64]).into();
    };
    assert_eq!(weakness(mismatched), ("signing[0]".into(), WeakKey::NotAKeyPair));
    let (_, reused) = weakness(|json| json["digests"] = json["password_pepper"].clone());
    assert_eq!(reused, WeakKey::Reused);
}

#[test]
fn a_list_without_keys_and_another_format_are_refused() {
    let (_folder, path) = folder();
    KeyRing::create(&path).unwrap();
    let good: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for (field, value) in [("signing", serde_json::json!([])), ("master", serde_json::json!([])), ("format", 2.into())]
    {
        let mut json = good.clone();
        json[field] = value;
        write(&path, &json.to_string());
        assert!(matches!(KeyRing::load(&path), Err(KeyRingError::Malformed { .. })), "{field}");
    }
    assert!(matches!(KeyRing::load(&path.with_extension("missing")), Err(KeyRingError::Io { .. })));
}
