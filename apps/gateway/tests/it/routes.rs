//! A table for tests: every kind of row, none of which the server has.

use std::sync::atomic::AtomicUsize;

use tokio::sync::Semaphore;
use velox::http::Access::{Authenticated, HostMay, May, Public};
use velox::http::{Limit, RouteTable};
use velox::row;
use velox_kernel::Permission::{MarketWrite, OrdersRead, OrdersWrite, UsersWrite};

/// How many requests reached the handler that changes something.
#[derive(Default)]
pub(crate) struct Executed(pub(crate) AtomicUsize);

/// A handler that waits here until the test opens it.
pub(crate) struct Gate {
    pub(crate) entered: Semaphore,
    pub(crate) open: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self { entered: Semaphore::new(0), open: Semaphore::new(0) }
    }
}

pub(crate) fn table() -> RouteTable {
    RouteTable::default().group(
        "test",
        "For tests.",
        vec![
            row!(POST "/t/orders", May(OrdersWrite), place_order).limit(Limit::Orders),
            row!(GET "/t/orders", May(OrdersRead), list_orders),
            row!(GET "/t/orders/{order_id}", May(OrdersRead), get_order),
            row!(PUT "/t/users", May(UsersWrite), put_users).max_body(1_024),
            row!(PUT "/t/shared", HostMay(MarketWrite), put_shared),
            row!(GET "/t/me", Authenticated, get_me),
            row!(POST "/t/login", Public, login).limit(Limit::Login),
            row!(GET "/t/panic", Public, panics),
            row!(GET "/t/slow", Public, reads_slowly),
            row!(POST "/t/slow", Public, writes_slowly),
            row!(GET "/t/foreign", Public, foreign_error),
            row!(GET "/t/gate", Public, waits_at_the_gate),
        ],
    )
}

mod place_order {
    use std::sync::atomic::Ordering;

    use actix_web::HttpResponse;
    use actix_web::web::Data;
    use garde::Validate;
    use serde::{Deserialize, Serialize};
    use utoipa::ToSchema;
    use velox::http::wire::{Patch, WirePrice, WireQuantity};
    use velox::http::{Caller, Problem, StrictJson};
    use velox_kernel::Symbol;

    #[derive(Deserialize, Validate, ToSchema)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Body {
        #[garde(skip)]
        #[schema(value_type = String)]
        symbol: Symbol,
        #[garde(custom(positive))]
        quantity: WireQuantity,
        #[garde(skip)]
        limit_price: Option<WirePrice>,
        #[garde(skip)]
        #[serde(default)]
        note: Patch<String>,
        #[garde(length(max = 2), dive)]
        #[serde(default)]
        legs: Vec<Leg>,
    }

    #[derive(Deserialize, Validate, ToSchema)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Leg {
        #[garde(range(min = 1, max = 9))]
        ratio: u8,
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
    fn positive(quantity: &WireQuantity, _: &()) -> garde::Result {
        if quantity.0.is_positive() { Ok(()) } else { Err(garde::Error::new("must be above zero")) }
    }

    #[derive(Serialize)]
    struct View {
        symbol: Symbol,
        quantity: WireQuantity,
        limit_price: Option<WirePrice>,
        cleared: bool,
        legs: usize,
        ratios: u8,
    }

    /// Places
    #[utoipa::path(post, path = "/t/orders", request_body = Body, responses((status = 201, description = "Placed.")))]
    pub(super) async fn handle(
        caller: Caller,
        executed: Data<super::Executed>,
        StrictJson(body): StrictJson<Body>,
    ) -> Result<HttpResponse, Problem> {
        assert!(caller.may(velox_kernel::Permission::OrdersWrite));
        executed.0.fetch_add(1, Ordering::SeqCst);
        Ok(HttpResponse::Created().json(View {
            symbol: body.symbol,
            quantity: body.quantity,
            limit_price: body.limit_price,
            cleared: body.note == Patch::Null,
            legs: body.legs.len(),
            ratios: body.legs.iter().map(|leg| leg.ratio).sum(),
        }))
    }
}

mod list_orders {
    use actix_web::HttpResponse;
    use velox::http::{PageQuery, Problem, StrictQuery};

    /// Lists
    #[utoipa::path(get, path = "/t/orders", params(PageQuery), responses((status = 200, description = "A page.")))]
    pub(super) async fn handle(StrictQuery(query): StrictQuery<PageQuery>) -> Result<HttpResponse, Problem> {
        Ok(HttpResponse::Ok().json(query.page()?.limit()))
    }
}

mod get_order {
    use actix_web::HttpResponse;
    use velox::http::PathId;
    use velox_kernel::OrderId;

    /// Gets
    #[utoipa::path(get, path = "/t/orders/{order_id}", params(("order_id" = String, Path)), responses((status = 200, description = "It.")))]
    pub(super) async fn handle(PathId(id): PathId<OrderId>) -> HttpResponse {
        HttpResponse::Ok().json(id)
    }
}

mod put_users {
    use actix_web::HttpResponse;
    use garde::Validate;
    use serde::Deserialize;
    use utoipa::ToSchema;
    use velox::http::StrictJson;

    #[derive(Deserialize, Validate, ToSchema)]
    #[serde(deny_unknown_fields)]
    pub(super) struct UsersBody {
        #[garde(length(max = 900))]
        names: String,
    }

    /// Puts
    #[utoipa::path(put, path = "/t/users", request_body = UsersBody, responses((status = 200, description = "Put.")))]
    pub(super) async fn handle(StrictJson(body): StrictJson<UsersBody>) -> HttpResponse {
        HttpResponse::Ok().json(body.names.len())
    }
}

mod put_shared {
    use actix_web::HttpResponse;

    /// Puts what all tenants share
    #[utoipa::path(put, path = "/t/shared", responses((status = 204, description = "Put.")))]
    pub(super) async fn handle() -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}

mod get_me {
    use actix_web::HttpResponse;
    use velox::http::Caller;

    /// Who
    #[utoipa::path(get, path = "/t/me", responses((status = 200, description = "Who.")))]
    pub(super) async fn handle(caller: Caller) -> HttpResponse {
        HttpResponse::Ok().json(caller.role)
    }
}

mod login {
    use actix_web::HttpResponse;

    /// Signs in
    #[utoipa::path(post, path = "/t/login", responses((status = 204, description = "Done.")))]
    pub(super) async fn handle() -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}

mod panics {
    use actix_web::HttpResponse;

    /// Panics
    #[utoipa::path(get, path = "/t/panic", responses((status = 500, description = "Always.")))]
    #[expect(clippy::panic, reason = "what this route is for")]
    pub(super) async fn handle() -> HttpResponse {
        panic!("a secret of the handler")
    }
}

mod reads_slowly {
    use actix_web::HttpResponse;

    /// Never answers
    #[utoipa::path(get, path = "/t/slow", responses((status = 200, description = "Never.")))]
    pub(super) async fn handle() -> HttpResponse {
        std::future::pending().await
    }
}

mod writes_slowly {
    use actix_web::HttpResponse;

    /// Never answers
    #[utoipa::path(post, path = "/t/slow", responses((status = 200, description = "Never.")))]
    pub(super) async fn handle() -> HttpResponse {
        std::future::pending().await
    }
}

mod foreign_error {
    use actix_web::{Error, HttpResponse, error};

    /// Fails as other libraries do
    #[utoipa::path(get, path = "/t/foreign", responses((status = 415, description = "Always.")))]
    pub(super) async fn handle() -> Result<HttpResponse, Error> {
        Err(error::ErrorUnsupportedMediaType("<html>plain</html>"))
    }
}

mod waits_at_the_gate {
    use actix_web::HttpResponse;
    use actix_web::web::Data;

    /// Waits
    #[utoipa::path(get, path = "/t/gate", responses((status = 200, description = "At last.")))]
    pub(super) async fn handle(gate: Data<super::Gate>) -> HttpResponse {
        gate.entered.add_permits(1);
        gate.open.acquire().await.unwrap().forget();
        HttpResponse::Ok().body("through")
    }
}
