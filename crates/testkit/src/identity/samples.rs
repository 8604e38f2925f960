//! A user and a session to begin with.

use uuid::Uuid;
use velox_identity::{
    NewSession, NewUser, Org, PasswordHash, RefreshRecord, RiskSettings, Session, SessionLabel, Settings, User,
};
use velox_kernel::{Digest, OrgId, Role, SessionId, Timestamp, UserId};

/// When the samples were made: 2026-01-05T12:00:00Z, as [`TestClock`](crate::TestClock) starts.
fn born() -> Timestamp {
    Timestamp::from_seconds(1_767_614_400)
}

/// A new organisation with its admin, told apart by `number` (1 to 255).
///
/// # Panics
/// Never: the texts parse.
#[must_use]
pub fn sample_user(number: u8) -> NewUser {
    let org = OrgId::new(Uuid::from_u128(0x0a00 + u128::from(number)));
    let name: velox_identity::DisplayName = format!("User {number}").parse().unwrap_or_else(|_| unreachable!());
    let user = User {
        id: UserId::new(Uuid::from_u128(0x0b00 + u128::from(number))),
        org,
        email: format!("user{number}@example.com").parse().unwrap_or_else(|_| unreachable!()),
        display_name: name.clone(),
        role: Role::Admin,
        password_hash: PasswordHash::new(format!("hash {number}")),
        disabled: false,
        session_version: 1,
        version: 1,
        settings: Settings::default(),
        risk_settings: RiskSettings::default(),
        created_at: born(),
        updated_at: born(),
    };
    NewUser { org: Org { id: org, name, created_at: born() }, user, session: None, only_if_empty: false }
}

/// A session of 30 days for a user, told apart by `number`, whose first refresh token lasts 7 days and has the digest
/// of 32 times `number`.
#[must_use]
pub fn sample_session(user: &User, number: u8) -> NewSession {
    let id = SessionId::new(Uuid::from_u128(0x0c00 + u128::from(number)));
    let days = |count: u64| born().plus(std::time::Duration::from_secs(count * 86_400));
    let session = Session {
        id,
        org: user.org,
        user: user.id,
        label: SessionLabel::new("a test"),
        created_at: born(),
        last_used_at: born(),
        expires_at: days(30),
        revoked_at: None,
        generation: 1,
        rotated_at: born(),
    };
    let refresh = RefreshRecord {
        digest: Digest::new([number; 32]),
        session: id,
        generation: 1,
        issued_at: born(),
        expires_at: days(7),
    };
    NewSession { session, refresh }
}
