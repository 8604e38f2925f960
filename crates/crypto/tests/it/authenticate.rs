//! The domain with these adapters, end to end.

use std::sync::Arc;

use velox_crypto::{
    BcryptConfig, BcryptHasher, KeyRing, KeyedSecrets, PasetoSigner, SystemClock, SystemIds, TokenBinding,
};
use velox_identity::{
    AuthenticateError, Identity, IdentityConfig, IdentityPorts, LogIn, LogInError, Password, SessionLabel,
    authenticate, create_first_owner, log_in, refresh_session,
};
use velox_testkit::identity::{EndedSessions, MemoryIdentityStore};

use crate::paseto_signer::binding;

fn identity(keys: &KeyRing, store: &Arc<MemoryIdentityStore>, binding: &TokenBinding) -> Identity {
    let hasher = BcryptHasher::new(keys, BcryptConfig { cost: 4, threads: 1, waiting: 8 }).unwrap();
    let ports = IdentityPorts {
        store: store.clone(),
        hasher: Arc::new(hasher),
        signer: Arc::new(PasetoSigner::new(keys, binding)),
        secrets: Arc::new(KeyedSecrets::new(keys)),
        access_listener: Arc::new(EndedSessions::default()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    };
    Identity::new(ports, IdentityConfig::default())
}

#[tokio::test]
async fn the_first_owner_signs_in_and_is_known() {
    let keys = KeyRing::generate().unwrap();
    let store = Arc::new(MemoryIdentityStore::default());
    let here = identity(&keys, &store, &binding());
    let owner = create_first_owner(&here, "owner@velox.local".parse().unwrap(), "Owner".parse().unwrap()).await;
    let owner = owner.unwrap().unwrap();
    let attempt = |password: &str| LogIn {
        email: owner.user.email.clone(),
        password: Password::new(password).unwrap(),
        label: SessionLabel::new("test"),
    };
    assert_eq!(log_in(&here, attempt("wrong")).await.unwrap_err(), LogInError::InvalidCredentials);
    let signed_in = log_in(&here, attempt(owner.password.reveal())).await.unwrap();
    let token = signed_in.tokens.access.reveal();
    assert_eq!(authenticate(&here, token).await.unwrap().user, owner.user.id);

    let other = TokenBinding { audience: "elsewhere".into(), ..binding() };
    let elsewhere = identity(&keys, &store, &other);
    assert_eq!(authenticate(&elsewhere, token).await, Err(AuthenticateError::Invalid), "same keys, same store");
    let tampered = token.replace("v4.public.e", "v4.public.f");
    assert_eq!(authenticate(&here, &tampered).await, Err(AuthenticateError::Invalid));

    let tokens = refresh_session(&here, &signed_in.tokens.refresh).await.unwrap();
    assert_eq!(authenticate(&here, tokens.access.reveal()).await.unwrap().session, signed_in.session);
}
