//! The rows of identity.

use bytes::Bytes;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use velox_identity::{Org, PasswordHash, RefreshRecord, Session, SessionLabel, User};
use velox_kernel::{Digest, OrgId, Role, SessionId, Timestamp, UserId};

use super::{from_json, parsed, signed, to_json, unsigned};
use crate::failure::Failure;
use crate::record::record;
use crate::types::{Blob, Hash, Id, Moment, Word};

record! {
    /// An organisation.
    OrgRecord, OrgRecords in orgs {
        id: OrgId = Id, "uuid";
        name: String = Text, "text";
        created_at: Timestamp = Moment, "timestamptz";
    }
    on conflict ""
}

record! {
    /// A user.
    UserRecord, UserRecords in users {
        id: UserId = Id, "uuid";
        org_id: OrgId = Id, "uuid";
        email: String = Text, "text";
        display_name: String = Text, "text";
        role: Role = Word, "text";
        password_hash: String = Text, "text";
        disabled: bool = Bool, "bool";
        session_version: i64 = BigInt, "int8";
        version: i64 = BigInt, "int8";
        settings: Bytes = Blob, "bytea";
        risk_settings: Bytes = Blob, "bytea";
        created_at: Timestamp = Moment, "timestamptz";
        updated_at: Timestamp = Moment, "timestamptz";
    }
    on conflict " ON CONFLICT (email) DO NOTHING"
}

record! {
    /// A session.
    SessionRecord, SessionRecords in sessions {
        id: SessionId = Id, "uuid";
        org_id: OrgId = Id, "uuid";
        user_id: UserId = Id, "uuid";
        label: String = Text, "text";
        created_at: Timestamp = Moment, "timestamptz";
        last_used_at: Timestamp = Moment, "timestamptz";
        expires_at: Timestamp = Moment, "timestamptz";
        revoked_at: Option<Timestamp> = Nullable<Moment>, "timestamptz";
        ends_at: Timestamp = Moment, "timestamptz";
        generation: i64 = BigInt, "int8";
        rotated_at: Timestamp = Moment, "timestamptz";
    }
    on conflict ""
}

record! {
    /// A refresh token's digest.
    TokenRecord, TokenRecords in refresh_tokens {
        digest: Digest = Hash, "bytea";
        session_id: SessionId = Id, "uuid";
        org_id: OrgId = Id, "uuid";
        generation: i64 = BigInt, "int8";
        issued_at: Timestamp = Moment, "timestamptz";
        expires_at: Timestamp = Moment, "timestamptz";
    }
    on conflict ""
}

impl From<&Org> for OrgRecord {
    fn from(org: &Org) -> Self {
        let Org { id, name, created_at } = org;
        Self { id: *id, name: name.as_str().to_owned(), created_at: *created_at }
    }
}

impl TryFrom<&User> for UserRecord {
    type Error = Failure;

    fn try_from(user: &User) -> Result<Self, Failure> {
        let User {
            id,
            org,
            email,
            display_name,
            role,
            password_hash,
            disabled,
            session_version,
            version,
            settings,
            risk_settings,
            created_at,
            updated_at,
        } = user;
        Ok(Self {
            id: *id,
            org_id: *org,
            email: email.as_str().to_owned(),
            display_name: display_name.as_str().to_owned(),
            role: *role,
            password_hash: password_hash.as_str().to_owned(),
            disabled: *disabled,
            session_version: signed(*session_version)?,
            version: signed(*version)?,
            settings: to_json(settings)?,
            risk_settings: to_json(risk_settings)?,
            created_at: *created_at,
            updated_at: *updated_at,
        })
    }
}

impl TryFrom<UserRecord> for User {
    type Error = Failure;

    fn try_from(record: UserRecord) -> Result<Self, Failure> {
        let UserRecord {
            id,
            org_id,
            email,
            display_name,
            role,
            password_hash,
            disabled,
            session_version,
            version,
            settings,
            risk_settings,
            created_at,
            updated_at,
        } = record;
        Ok(Self {
            id,
            org: org_id,
            email: parsed(&email)?,
            display_name: parsed(&display_name)?,
            role,
            password_hash: PasswordHash::new(password_hash),
            disabled,
            session_version: unsigned(session_version)?,
            version: unsigned(version)?,
            settings: from_json(&settings, "a user's settings")?,
            risk_settings: from_json(&risk_settings, "a user's risk settings")?,
            created_at,
            updated_at,
        })
    }
}

impl TryFrom<&Session> for SessionRecord {
    type Error = Failure;

    fn try_from(session: &Session) -> Result<Self, Failure> {
        let Session { id, org, user, label, created_at, last_used_at, expires_at, revoked_at, generation, rotated_at } =
            session;
        Ok(Self {
            id: *id,
            org_id: *org,
            user_id: *user,
            label: label.as_str().to_owned(),
            created_at: *created_at,
            last_used_at: *last_used_at,
            expires_at: *expires_at,
            revoked_at: *revoked_at,
            ends_at: revoked_at.map_or(*expires_at, |revoked| revoked.min(*expires_at)),
            generation: signed(*generation)?,
            rotated_at: *rotated_at,
        })
    }
}

impl TryFrom<SessionRecord> for Session {
    type Error = Failure;

    fn try_from(record: SessionRecord) -> Result<Self, Failure> {
        let SessionRecord {
            id,
            org_id,
            user_id,
            label,
            created_at,
            last_used_at,
            expires_at,
            revoked_at,
            ends_at: _,
            generation,
            rotated_at,
        } = record;
        Ok(Self {
            id,
            org: org_id,
            user: user_id,
            label: SessionLabel::new(&label),
            created_at,
            last_used_at,
            expires_at,
            revoked_at,
            generation: unsigned(generation)?,
            rotated_at,
        })
    }
}

impl TokenRecord {
    /// The row of a token.
    ///
    /// # Errors
    /// [`Failure::Corrupt`] for a number that no database counts to.
    pub fn new(org_id: OrgId, token: &RefreshRecord) -> Result<Self, Failure> {
        let RefreshRecord { digest, session, generation, issued_at, expires_at } = token;
        Ok(Self {
            digest: *digest,
            session_id: *session,
            org_id,
            generation: signed(*generation)?,
            issued_at: *issued_at,
            expires_at: *expires_at,
        })
    }
}

impl TryFrom<TokenRecord> for RefreshRecord {
    type Error = Failure;

    fn try_from(record: TokenRecord) -> Result<Self, Failure> {
        let TokenRecord { digest, session_id, org_id: _, generation, issued_at, expires_at } = record;
        Ok(Self { digest, session: session_id, generation: unsigned(generation)?, issued_at, expires_at })
    }
}
