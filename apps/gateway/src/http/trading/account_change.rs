//! What the changes of an account as a whole share.

use actix_web::HttpResponse;
use velox_engine::AccountAt;
use velox_kernel::AccountId;
use velox_trading::{AccountChange, Trading, change_account};

use super::asked::Asked;
use crate::http::{Caller, Outcome, Problem, note_account};
use crate::views::AccountDetailView;

/// Makes the change and answers with the account as it is then.
pub(super) async fn change(
    caller: &Caller,
    trading: &Trading,
    account: AccountId,
    change: AccountChange,
    asked: Asked,
) -> Result<HttpResponse, Problem> {
    note_account(account);
    let account = change_account(caller, trading, account, change, asked.origin).await?;
    let done = |error: &dyn std::fmt::Display| Problem::internal(error).outcome(Outcome::Executed);
    let now = AccountAt::now(account, trading).map_err(|error| done(&error))?;
    let view = AccountDetailView::try_from(&now).map_err(|problem| problem.outcome(Outcome::Executed))?;
    Ok(HttpResponse::Ok().json(view))
}
