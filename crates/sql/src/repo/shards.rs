//! Who has which part of a role's work.

use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl};
use velox_kernel::{Fence, Member, MemberId, RoleLook, Shard};

use super::{Conn, RunQueryDsl};
use crate::failure::Failure;
use crate::rows::{signed, unsigned};
use crate::schema::{role_members, role_shards};
use crate::types::{Val, vals};

type ShardRow = (i32, i64, i64, Option<MemberId>, Option<i64>);

fn shard((number, epoch, beat, owner, position): ShardRow) -> Result<Shard, Failure> {
    let number = u32::try_from(number).map_err(|_| Failure::Corrupt(format!("the shard {number} is below zero")))?;
    let position = position.map(unsigned).transpose()?;
    Ok(Shard { number, epoch: unsigned(epoch)?, beat: unsigned(beat)?, owner, position })
}

fn place(number: u32) -> Result<i32, Failure> {
    i32::try_from(number).map_err(|_| Failure::Corrupt(format!("there is no shard {number}")))
}

/// Says that a member is there with the shards it has, forgets those who are gone, and says how the role stands.
///
/// # Errors
/// [`Failure`].
pub async fn beat(
    conn: &mut Conn,
    role: &'static str,
    member: MemberId,
    count: u32,
    gone: &[MemberId],
) -> Result<RoleLook, Failure> {
    let own = role_members::table.filter(role_members::role.eq(role).and(role_members::member.eq(Val(member))));
    let beaten = diesel::update(own).set(role_members::beat.eq(role_members::beat + 1)).execute(conn).await?;
    if beaten == 0 {
        let row = (role_members::role.eq(role), role_members::member.eq(Val(member)), role_members::beat.eq(1));
        diesel::insert_into(role_members::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    }
    if !gone.is_empty() {
        let those = role_members::role.eq(role).and(role_members::member.eq_any(vals(gone)));
        diesel::delete(role_members::table.filter(those)).execute(conn).await?;
    }
    let owned = role_shards::table.filter(role_shards::role.eq(role).and(role_shards::owner.eq(Some(Val(member)))));
    diesel::update(owned).set(role_shards::beat.eq(role_shards::beat + 1)).execute(conn).await?;
    let mut shards = shards(conn, role).await?;
    if shards.len() < usize::try_from(count).unwrap_or(usize::MAX) {
        for number in (0..count).filter(|number| shards.iter().all(|shard| shard.number != *number)) {
            let row = (
                role_shards::role.eq(role),
                role_shards::shard.eq(place(number)?),
                role_shards::epoch.eq(0),
                role_shards::beat.eq(0),
            );
            diesel::insert_into(role_shards::table).values(row).on_conflict_do_nothing().execute(conn).await?;
        }
        shards = self::shards(conn, role).await?;
    }
    let members: Vec<(MemberId, i64)> = role_members::table
        .filter(role_members::role.eq(role))
        .order(role_members::member.asc())
        .select((role_members::member, role_members::beat))
        .load(conn)
        .await?;
    let members = members.into_iter().map(|(id, beat)| Ok(Member { id, beat: unsigned(beat)?, is_present: true }));
    Ok(RoleLook { shards, members: members.collect::<Result<_, Failure>>()? })
}

async fn shards(conn: &mut Conn, role: &str) -> Result<Vec<Shard>, Failure> {
    let rows: Vec<ShardRow> = role_shards::table
        .filter(role_shards::role.eq(role))
        .order(role_shards::shard.asc())
        .select((role_shards::shard, role_shards::epoch, role_shards::beat, role_shards::owner, role_shards::position))
        .load(conn)
        .await?;
    rows.into_iter().map(shard).collect()
}

/// Takes a shard if it stands as it was seen. A transaction takes one: whoever writes under the one before is waited for,
/// and may wait for somebody who writes under another shard.
///
/// # Errors
/// [`Failure`].
pub async fn take(
    conn: &mut Conn,
    role: &'static str,
    member: MemberId,
    seen: &Shard,
) -> Result<Option<Shard>, Failure> {
    let number = place(seen.number)?;
    let as_seen = role_shards::role
        .eq(role)
        .and(role_shards::shard.eq(number))
        .and(role_shards::epoch.eq(signed(seen.epoch)?))
        .and(role_shards::beat.eq(signed(seen.beat)?));
    let change = (
        role_shards::epoch.eq(role_shards::epoch + 1),
        role_shards::beat.eq(role_shards::beat + 1),
        role_shards::owner.eq(Some(Val(member))),
    );
    if diesel::update(role_shards::table.filter(as_seen)).set(change).execute(conn).await? == 0 {
        return Ok(None);
    }
    // The one before may have moved the position since; what it says now was fenced off by the change.
    let position: Option<i64> =
        role_shards::table.find((role, number)).select(role_shards::position).first(conn).await?;
    Ok(Some(Shard {
        epoch: seen.epoch + 1,
        beat: seen.beat + 1,
        owner: Some(member),
        position: position.map(unsigned).transpose()?,
        ..*seen
    }))
}

/// Gives up shards, and the membership too when the member leaves.
///
/// # Errors
/// [`Failure`].
pub async fn release(
    conn: &mut Conn,
    role: &'static str,
    member: MemberId,
    shards: &[u32],
    leaves: bool,
) -> Result<(), Failure> {
    if leaves {
        let own = role_members::role.eq(role).and(role_members::member.eq(Val(member)));
        diesel::delete(role_members::table.filter(own)).execute(conn).await?;
    }
    let places = shards.iter().map(|number| place(*number)).collect::<Result<Vec<_>, _>>()?;
    let owned =
        role_shards::role.eq(role).and(role_shards::owner.eq(Some(Val(member)))).and(role_shards::shard.eq_any(places));
    let nobody: Option<Val<MemberId>> = None;
    diesel::update(role_shards::table.filter(owned)).set(role_shards::owner.eq(nobody)).execute(conn).await?;
    Ok(())
}

/// Notes how far the topic of a shard was worked off; `false` when it was taken since.
///
/// # Errors
/// [`Failure`].
pub async fn set_position(conn: &mut Conn, fence: Fence, position: u64) -> Result<bool, Failure> {
    let mine = role_shards::role
        .eq(fence.role)
        .and(role_shards::shard.eq(place(fence.shard)?))
        .and(role_shards::epoch.eq(signed(fence.epoch)?));
    let change = role_shards::position.eq(Some(signed(position)?));
    Ok(diesel::update(role_shards::table.filter(mine)).set(change).execute(conn).await? == 1)
}

/// Holds a shard for the rest of the transaction; `false` when it was taken since.
///
/// # Errors
/// [`Failure`].
pub async fn hold(conn: &mut Conn, fence: Fence) -> Result<bool, Failure> {
    let mine = role_shards::role
        .eq(fence.role)
        .and(role_shards::shard.eq(place(fence.shard)?))
        .and(role_shards::epoch.eq(signed(fence.epoch)?));
    // An update that changes nothing: a lock that both databases have.
    let held = diesel::update(role_shards::table.filter(mine)).set(role_shards::epoch.eq(role_shards::epoch));
    Ok(held.execute(conn).await? == 1)
}
