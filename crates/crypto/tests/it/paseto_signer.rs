//! Access tokens.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use velox_crypto::{KeyRing, PasetoSigner, TokenBinding};
use velox_identity::{Claims, TokenError, TokenSigner};
use velox_kernel::Timestamp;

pub(crate) fn binding() -> TokenBinding {
    TokenBinding { audience: "velox-test".into(), environment: "paper".into() }
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_767_614_400)
}

fn claims(lifetime: u64) -> Claims {
    Claims {
        user: "usr_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        org: "org_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        session: "ses_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        session_version: 3,
        issued_at: now(),
        expires_at: now().plus(Duration::from_secs(lifetime)),
    }
}

#[test]
fn what_was_signed_is_read_back_until_it_ends() {
    let signer = PasetoSigner::new(&KeyRing::generate().unwrap(), &binding());
    let token = signer.sign(&claims(300)).unwrap();
    assert!(token.reveal().starts_with("v4.public."));
    assert_eq!(signer.verify(token.reveal(), now()), Ok(claims(300)));
    let last = now().plus(Duration::from_micros(299_999_999));
    assert_eq!(signer.verify(token.reveal(), last), Ok(claims(300)));
    assert_eq!(signer.verify(token.reveal(), now().plus(Duration::from_secs(300))), Err(TokenError::Expired));
}

#[test]
fn no_token_lasts_longer_than_ten_minutes() {
    let signer = PasetoSigner::new(&KeyRing::generate().unwrap(), &binding());
    assert!(signer.sign(&claims(600)).is_ok());
    assert!(signer.sign(&claims(601)).is_err());
    assert!(signer.sign(&claims(0)).is_err());
}

#[test]
fn another_audience_environment_or_installation_does_not_take_it() {
    let keys = KeyRing::generate().unwrap();
    let token = PasetoSigner::new(&keys, &binding()).sign(&claims(300)).unwrap();
    let others = [
        TokenBinding { audience: "another".into(), ..binding() },
        TokenBinding { environment: "live".into(), ..binding() },
        TokenBinding { audience: "velox-test\",\"paper".into(), environment: String::new() },
    ];
    for other in others {
        let signer = PasetoSigner::new(&keys, &other);
        assert_eq!(signer.verify(token.reveal(), now()), Err(TokenError::Invalid), "{other:?}");
    }
    let stranger = PasetoSigner::new(&KeyRing::generate().unwrap(), &binding());
    assert_eq!(stranger.verify(token.reveal(), now()), Err(TokenError::Invalid));
}

#[test]
fn a_changed_token_is_refused_wherever_it_was_changed() {
    let signer = PasetoSigner::new(&KeyRing::generate().unwrap(), &binding());
    let token = signer.sign(&claims(300)).unwrap();
    let (head, footer) = token.reveal().rsplit_once('.').unwrap();
    let body = URL_SAFE_NO_PAD.decode(head.strip_prefix("v4.public.").unwrap()).unwrap();
    for place in 0..body.len() {
        let mut changed = body.clone();
        changed[place] ^= 1;
        let changed = format!("v4.public.{}.{footer}", URL_SAFE_NO_PAD.encode(changed));
        assert_eq!(signer.verify(&changed, now()), Err(TokenError::Invalid), "byte {place}");
    }
    let other_footer = URL_SAFE_NO_PAD.encode(r#"{"kid":"k4.pid.unknown"}"#);
    for text in [
        "",
        "v4.public.",
        "v4.public.AAAA",
        head,
        &format!("{head}."),
        &format!("{head}.{other_footer}"),
        &token.reveal().replace("v4.public", "v4.local"),
        &token.reveal().replace("v4.public", "v2.public"),
        &format!("{}.x", token.reveal()),
        "\u{e9}\u{e9}\u{e9}",
    ] {
        assert_eq!(signer.verify(text, now()), Err(TokenError::Invalid), "{text}");
    }
}

#[test]
fn older_keys_verify_and_the_newest_signs() {
    let old = KeyRing::generate().unwrap();
    let new = old.clone().with_new_signing_key().unwrap();
    let (before, after) = (PasetoSigner::new(&old, &binding()), PasetoSigner::new(&new, &binding()));
    let token = before.sign(&claims(300)).unwrap();
    assert_eq!(after.verify(token.reveal(), now()), Ok(claims(300)));
    let token = after.sign(&claims(300)).unwrap();
    assert_eq!(after.verify(token.reveal(), now()), Ok(claims(300)));
    assert_eq!(before.verify(token.reveal(), now()), Err(TokenError::Invalid), "the new key is not known there yet");
}
