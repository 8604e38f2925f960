//! [`Session`]: one sign-in, and [`SessionStanding`]: what a request needs to know about it.

use std::time::Duration;

use velox_kernel::{Digest, OrgId, Role, SessionId, Timestamp, UserId};

/// The most characters kept of a client's name.
const LONGEST_LABEL: usize = 200;

/// One sign-in of a user on one device. Its refresh tokens are one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which; it is also the family of its refresh tokens.
    pub id: SessionId,
    /// The tenant.
    pub org: OrgId,
    /// Who signed in.
    pub user: UserId,
    /// The client's name, as it gave it (its `User-Agent`), for the user's list of sign-ins.
    pub label: SessionLabel,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// When it was ended, by whomever.
    pub revoked_at: Option<Timestamp>,
    /// The generation of the newest refresh token. From 1.
    pub generation: u64,
    /// When that generation began.
    pub rotated_at: Timestamp,
}

impl Session {
    /// Whether it is neither ended nor expired.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// A client's name for itself: at most 200 characters, control characters left out. It is shown, never trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionLabel(Box<str>);

impl SessionLabel {
    /// Takes what the client said, cut to length.
    #[must_use]
    pub fn new(said: &str) -> Self {
        Self(said.chars().filter(|c| !c.is_control()).take(LONGEST_LABEL).collect::<String>().into_boxed_str())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A session and its user as a request needs them: one row of a join, kept in a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionStanding {
    /// The session.
    pub session: SessionId,
    /// The tenant.
    pub org: OrgId,
    /// The user.
    pub user: UserId,
    /// The user's role now.
    pub role: Role,
    /// The user's session version now.
    pub session_version: u64,
    /// Whether the user is disabled.
    pub disabled: bool,
    /// Whether the session was ended.
    pub revoked: bool,
    /// When the session ends whatever happens.
    pub expires_at: Timestamp,
}

impl SessionStanding {
    /// Whether the session still carries its user.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.revoked && !self.disabled && now < self.expires_at
    }
}

/// A refresh token as it is kept: never the token, only its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshRecord {
    /// The keyed digest of the token, unique in the installation.
    pub digest: Digest,
    /// The session whose family it belongs to.
    pub session: SessionId,
    /// Which rotation it came from: the first token of a session is 1.
    pub generation: u64,
    /// When it was given out.
    pub issued_at: Timestamp,
    /// When it is no longer taken, used or not. After this the row may be deleted.
    pub expires_at: Timestamp,
}

/// What presenting a refresh token means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshVerdict {
    /// The newest: a successor of the next generation takes its place.
    Rotate,
    /// The direct predecessor, within the overlap: two requests crossed. It gets another token of the present
    /// generation, because the first one is kept as a digest and cannot be given twice.
    Sibling,
    /// Something older came back: somebody kept a copy. The whole family ends.
    Reuse,
    /// Too old.
    Expired,
    /// The session was ended before, or the user is disabled.
    Ended,
}

/// Judges a refresh token. A store calls it inside the transaction that acts on the verdict.
#[must_use]
pub fn judge_refresh(
    presented: &RefreshRecord,
    session: &Session,
    user_disabled: bool,
    now: Timestamp,
    overlap: Duration,
) -> RefreshVerdict {
    if session.revoked_at.is_some() || user_disabled {
        return RefreshVerdict::Ended;
    }
    if now >= presented.expires_at || now >= session.expires_at {
        return RefreshVerdict::Expired;
    }
    if presented.generation >= session.generation {
        return RefreshVerdict::Rotate;
    }
    let is_predecessor = presented.generation + 1 == session.generation;
    if is_predecessor && now < session.rotated_at.plus(overlap) {
        RefreshVerdict::Sibling
    } else {
        RefreshVerdict::Reuse
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn verdict(generation: u64, now: i64, change: impl FnOnce(&mut Session)) -> RefreshVerdict {
        let id = "ses_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let mut session = Session {
            id,
            org: "org_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            user: "usr_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            label: SessionLabel::default(),
            created_at: at(0),
            last_used_at: at(100),
            expires_at: at(10_000),
            revoked_at: None,
            generation: 3,
            rotated_at: at(100),
        };
        change(&mut session);
        let presented =
            RefreshRecord { digest: Digest::ZERO, session: id, generation, issued_at: at(0), expires_at: at(5_000) };
        judge_refresh(&presented, &session, false, at(now), Duration::from_secs(10))
    }

    #[test]
    fn only_the_direct_predecessor_overlaps_and_only_briefly() {
        assert_eq!(verdict(3, 100, |_| ()), RefreshVerdict::Rotate);
        assert_eq!(verdict(2, 109, |_| ()), RefreshVerdict::Sibling);
        assert_eq!(verdict(2, 110, |_| ()), RefreshVerdict::Reuse);
        assert_eq!(verdict(1, 100, |_| ()), RefreshVerdict::Reuse);
    }

    #[test]
    fn an_end_goes_before_everything() {
        assert_eq!(verdict(1, 100, |session| session.revoked_at = Some(at(99))), RefreshVerdict::Ended);
        assert_eq!(verdict(3, 5_000, |_| ()), RefreshVerdict::Expired);
        assert_eq!(verdict(3, 200, |session| session.expires_at = at(200)), RefreshVerdict::Expired);
    }

    #[test]
    fn labels_are_cut_and_cleaned() {
        assert_eq!(SessionLabel::new("curl\r\n/8").as_str(), "curl/8");
        assert_eq!(SessionLabel::new(&"x".repeat(500)).as_str().len(), LONGEST_LABEL);
    }
}
