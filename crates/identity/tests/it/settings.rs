//! `get_me`, `update_me`, `update_settings`, `update_risk_settings`.

use velox_identity::{
    ChangeUserError, RiskSettings, Settings, Theme, UpdateMe, UpdateRiskSettingsError, UpdateSettings, get_me,
    update_me, update_risk_settings, update_settings,
};
use velox_kernel::{Actor, Money};

use crate::house::House;

#[tokio::test]
async fn a_change_is_seen_at_once_and_counts_up() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let actor = house.actor(&ada).await;
    assert_eq!(get_me(&house.identity, &actor).await.unwrap().unwrap().version, 1);
    let name = UpdateMe { display_name: Some("Countess".parse().unwrap()), expected_version: Some(1) };
    let changed = update_me(&house.identity, &actor, name).await.unwrap();
    assert_eq!((changed.display_name.as_str(), changed.version), ("Countess", 2));
    assert_eq!(*get_me(&house.identity, &actor).await.unwrap().unwrap(), changed);
    let nothing = update_me(&house.identity, &actor, UpdateMe::default()).await.unwrap();
    assert_eq!((nothing.display_name.as_str(), nothing.version), ("Countess", 3));
}

#[tokio::test]
async fn a_change_on_an_old_version_is_refused() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let actor = house.actor(&ada).await;
    let on_first = || UpdateMe { display_name: Some("First".parse().unwrap()), expected_version: Some(1) };
    update_me(&house.identity, &actor, on_first()).await.unwrap();
    let refused = update_me(&house.identity, &actor, on_first()).await;
    assert_eq!(refused.unwrap_err(), ChangeUserError::Conflict);
}

#[tokio::test]
async fn settings_change_field_by_field() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let actor = house.actor(&ada).await;
    let account = Some("acc_01h455vb4pex5vsknk084sn02q".parse().unwrap());
    let first = UpdateSettings {
        timezone: Some("Europe/Berlin".parse().unwrap()),
        default_account: Some(account),
        ..UpdateSettings::default()
    };
    update_settings(&house.identity, &actor, first).await.unwrap();
    let second = UpdateSettings { theme: Some(Theme::Dark), locale: Some("de".parse().unwrap()), ..Default::default() };
    let settings = update_settings(&house.identity, &actor, second).await.unwrap().settings;
    let expected = Settings {
        timezone: "Europe/Berlin".parse().unwrap(),
        locale: "de".parse().unwrap(),
        theme: Theme::Dark,
        default_account: account,
    };
    assert_eq!(settings, expected);
    let cleared = UpdateSettings { default_account: Some(None), ..Default::default() };
    let user = update_settings(&house.identity, &actor, cleared).await.unwrap();
    assert_eq!(user.settings, Settings { default_account: None, ..expected });
    assert_eq!(get_me(&house.identity, &actor).await.unwrap().unwrap().settings, user.settings);
}

#[tokio::test]
async fn risk_settings_are_set_as_a_whole_and_told() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let actor = house.actor(&ada).await;
    let limits = RiskSettings { max_daily_trades: Some(5), reduce_only: true, ..RiskSettings::default() };
    let changed = update_risk_settings(&house.identity, &actor, limits.clone(), None).await.unwrap();
    assert_eq!((changed.user, changed.org, changed.version), (ada.user.id, ada.user.org, 2));
    assert_eq!(changed.settings, limits);
    let lifted = update_risk_settings(&house.identity, &actor, RiskSettings::default(), Some(2)).await.unwrap();
    assert_eq!((lifted.settings, lifted.version), (RiskSettings::default(), 3));

    let senseless = RiskSettings { max_daily_loss: Some(Money::ZERO), ..RiskSettings::default() };
    let refused = update_risk_settings(&house.identity, &actor, senseless, None).await;
    assert!(matches!(refused, Err(UpdateRiskSettingsError::Invalid(wrong)) if wrong.field == "max_daily_loss"));
    assert_eq!(get_me(&house.identity, &actor).await.unwrap().unwrap().version, 3, "nothing was changed");
}

#[tokio::test]
async fn another_tenants_user_is_nobody() {
    let house = House::open();
    let (ada, bob) = (house.newcomer("ada@example.com").await, house.newcomer("bob@example.com").await);
    let actor = house.actor(&ada).await;
    get_me(&house.identity, &actor).await.unwrap().unwrap();
    let stranger = Actor { org: bob.user.org, ..actor };
    assert!(get_me(&house.identity, &stranger).await.unwrap().is_none(), "remembered or not");
    let refused = update_me(&house.identity, &stranger, UpdateMe::default()).await;
    assert_eq!(refused.unwrap_err(), ChangeUserError::NotFound);
}
