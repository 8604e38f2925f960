//! The yardstick of `cargo xtask bench livez`: actix-web, one route, nothing else, with velox's allocator and velox's
//! answer, so that what remains between the two is what velox does around a handler.

use actix_web::{App, HttpResponse, HttpServer, web};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok")
}

/// Listens on the address given as the only argument until it is told to end.
#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    HttpServer::new(|| App::new().route("/livez", web::get().to(livez))).bind(address)?.run().await
}
