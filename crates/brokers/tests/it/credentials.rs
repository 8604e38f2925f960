//! Credentials: sealed on their way in, opened for the probe only. The paper broker needs none, so the catalog here
//! asks for some.

use velox_brokers::{
    BrokerSettings, Catalog, CatalogEntry, CreateConnection, CreateConnectionError, Credential, CredentialField,
    CredentialsError, Environment, PaperSettings, SealedCredential, SecretBoxError, TestConnectionError,
    UpdateConnection, create_connection, test_connection, update_connection,
};

use crate::desk::{Desk, ada, paper};

fn asking() -> Desk {
    let field = |name, required| CredentialField { name, title: name, required };
    Desk::with(Catalog::new(vec![CatalogEntry {
        kind: "paper".parse().unwrap(),
        title: "A broker that asks",
        environments: vec![Environment::Paper],
        credentials: vec![field("api_key", true), field("passphrase", false)],
        usual_settings: BrokerSettings::Paper(PaperSettings::usual("USD".parse().unwrap())),
    }]))
}

fn credential(field: &str, value: &str) -> Credential {
    Credential { field: field.into(), value: value.into() }
}

fn with(credentials: Vec<Credential>) -> CreateConnection {
    CreateConnection { credentials, ..paper("Mine") }
}

#[tokio::test]
async fn credentials_are_what_the_broker_asks_for() {
    let desk = asking();
    let long = "x".repeat(8_193);
    for (credentials, wrong) in [
        (vec![], CredentialsError::Missing("api_key")),
        (vec![credential("passphrase", "p")], CredentialsError::Missing("api_key")),
        (vec![credential("api_key", "k"), credential("pin", "1")], CredentialsError::Unknown("pin".into())),
        (vec![credential("api_key", "k"), credential("api_key", "l")], CredentialsError::Repeated("api_key".into())),
        (vec![credential("api_key", "")], CredentialsError::Length("api_key".into())),
        (vec![credential("api_key", &long)], CredentialsError::Length("api_key".into())),
    ] {
        let refused = create_connection(&desk.brokers, &ada(), with(credentials)).await;
        assert_eq!(refused.unwrap_err(), CreateConnectionError::Credentials(wrong));
    }
    let none_asked = create_connection(&Desk::new().brokers, &ada(), with(vec![credential("api_key", "k")])).await;
    let unknown = CredentialsError::Unknown("api_key".into());
    assert_eq!(none_asked.unwrap_err(), CreateConnectionError::Credentials(unknown));
}

#[tokio::test]
async fn the_probe_gets_them_in_the_clear_and_nothing_prints_them() {
    let desk = asking();
    let command = with(vec![credential("api_key", "k3y"), credential("passphrase", "phrase")]);
    assert!(!format!("{command:?}").contains("k3y"));
    let made = create_connection(&desk.brokers, &ada(), command).await.unwrap();
    assert!(!format!("{made:?}").contains("k3y"));
    let report = test_connection(&desk.brokers, &ada(), made.id).await.unwrap();
    assert!(report.is_ok());
    assert_eq!(report.checks[0].detail, "api_key=k3y passphrase=phrase");
    let change =
        UpdateConnection { credentials: Some(vec![credential("api_key", "new")]), ..UpdateConnection::default() };
    update_connection(&desk.brokers, &ada(), made.id, change).await.unwrap();
    let report = test_connection(&desk.brokers, &ada(), made.id).await.unwrap();
    assert_eq!(report.checks[0].detail, "api_key=new", "in place of all the old ones");
}

#[tokio::test]
async fn a_sealed_row_copied_to_another_connection_does_not_open() {
    let desk = asking();
    let mine = create_connection(&desk.brokers, &ada(), with(vec![credential("api_key", "k3y")])).await.unwrap();
    let other = create_connection(&desk.brokers, &ada(), with(vec![credential("api_key", "0ther")])).await.unwrap();
    let stolen: Vec<SealedCredential> = desk.brokers.store.credentials(mine.org, mine.id).await.unwrap();
    assert!(desk.brokers.store.update(&other, Some(&stolen)).await.unwrap());
    let refused = test_connection(&desk.brokers, &ada(), other.id).await;
    let error = TestConnectionError::Credential { field: "api_key".into(), error: SecretBoxError::DoesNotOpen };
    assert_eq!(refused.unwrap_err(), error);
}
