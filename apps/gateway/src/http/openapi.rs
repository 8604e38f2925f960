//! The OpenAPI 3.1 document, built from the table; what all operations share is added here once.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{Components, Schema};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, Info, License, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use velox_kernel::{ErrorCode, error_code};

use super::problem::{FieldError, MEDIA_TYPE, Outcome, ProblemBody};
use super::seen_position;
use super::table::{Access, Limit, RouteTable, Row};

/// The name of the bearer scheme.
const BEARER: &str = "bearer";

/// Problems that operations share: name of the response, its code, when it is given.
const SHARED: [(&str, ErrorCode, &str); 11] = [
    ("BadRequest", error_code::INVALID_PARAMETER, "A parameter or the body's syntax is wrong."),
    ("Unauthenticated", error_code::UNAUTHENTICATED, "The token is missing, wrong, expired or of an ended session."),
    ("Forbidden", error_code::FORBIDDEN, "The actor may not do this."),
    ("NotFound", error_code::NOT_FOUND, "There is no such thing, or it belongs to somebody else."),
    ("Conflict", error_code::CONFLICT, "It does not fit the present state; nothing was done."),
    ("Timeout", error_code::REQUEST_TIMEOUT, "The body did not arrive in time; nothing was done."),
    ("TooLarge", error_code::PAYLOAD_TOO_LARGE, "The body is too large; nothing was done."),
    ("UnsupportedMediaType", error_code::UNSUPPORTED_MEDIA_TYPE, "The body is not `application/json`."),
    ("Invalid", error_code::INVALID_REQUEST, "The body's members are wrong; `errors` names each place."),
    ("RateLimited", error_code::RATE_LIMITED, "Too many requests; nothing was done. Wait as `Retry-After` says."),
    ("Unavailable", error_code::OVERLOADED, "It cannot be done now; `outcome` says whether it was."),
];

/// Those of them that a handler gives, or what reads its request: something may have been changed by then. The others are
/// given before.
const AFTER_ADMISSION: [&str; 8] =
    ["BadRequest", "NotFound", "Conflict", "Timeout", "TooLarge", "UnsupportedMediaType", "Invalid", "Unavailable"];

/// The document of the table.
#[must_use]
pub fn document(table: &RouteTable) -> OpenApi {
    let mut paths = Paths::new();
    let mut components = Components::new();
    let mut schemas = Vec::new();
    let mut tags = Vec::new();
    for group in table.groups() {
        let rows: Vec<&Row> = group.rows.iter().filter(|row| row.documented).collect();
        if rows.is_empty() {
            continue;
        }
        tags.push(TagBuilder::new().name(group.tag).description(Some(group.about)).build());
        for row in rows {
            (row.endpoint.schemas)(&mut schemas);
            let operation = operation(row, group.tag);
            place(paths.paths.entry(row.path.to_owned()).or_default(), row, operation);
        }
    }
    schemas.push(("Outcome".to_owned(), Outcome::schema()));
    schemas.push(("FieldError".to_owned(), FieldError::schema()));
    schemas.push((ProblemBody::name().into_owned(), ProblemBody::schema()));
    components.schemas = BTreeMap::<String, RefOr<Schema>>::from_iter(schemas);
    components.responses =
        SHARED.iter().map(|shared| (shared.0.to_owned(), RefOr::T(shared_problem(*shared)))).collect();
    components.headers.insert(seen_position::NAME.to_owned(), seen_position::described().into());
    components.add_security_scheme(
        BEARER,
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("PASETO v4.public")
                .description(Some("The access token of a sign-in. It lives ten minutes or less; refresh it."))
                .build(),
        ),
    );
    let mut info = Info::new("Velox", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Trading over REST and streams. Money and quantities are decimal strings, times are RFC 3339 in UTC, lists \
         come in pages `{items, next}`, every refusal is a problem document (RFC 9457). Where lists may come from a \
         read replica, send the newest `Velox-Position` that you were given with each list: it shows what you did."
            .to_owned(),
    );
    info.license = Some(License::new("MIT OR Apache-2.0"));
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).tags(Some(tags)).build()
}

fn operation(row: &Row, tag: &str) -> Operation {
    let mut operation = (row.endpoint.operation)();
    operation.operation_id = Some(row.name.to_owned());
    operation.tags = Some(vec![tag.to_owned()]);
    let has_body = operation.request_body.is_some();
    let takes_input = has_body || operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty());
    if !row.method.is_safe() {
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                response.headers.insert(seen_position::NAME.to_owned(), seen_position::reference());
            }
        }
    }
    let mut shared = Vec::new();
    if takes_input {
        shared.push((400, "BadRequest"));
    }
    if row.access != Access::Public {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        shared.push((401, "Unauthenticated"));
    }
    if matches!(row.access, Access::May(_) | Access::HostMay(_)) {
        shared.push((403, "Forbidden"));
    }
    if row.path.contains('{') {
        shared.push((404, "NotFound"));
    }
    if !row.method.is_safe() {
        shared.push((409, "Conflict"));
    }
    if has_body {
        shared.extend([(408, "Timeout"), (413, "TooLarge"), (415, "UnsupportedMediaType"), (422, "Invalid")]);
    }
    if row.limit != Limit::None {
        shared.push((429, "RateLimited"));
    }
    if !row.bare {
        shared.push((503, "Unavailable"));
    }
    for (status, name) in shared {
        let reference = RefOr::Ref(Ref::from_response_name(name));
        operation.responses.responses.entry(status.to_string()).or_insert(reference);
    }
    operation
}

fn place(item: &mut PathItem, row: &Row, operation: Operation) {
    let slot = match row.method.as_str() {
        "GET" => &mut item.get,
        "POST" => &mut item.post,
        "PUT" => &mut item.put,
        "PATCH" => &mut item.patch,
        "DELETE" => &mut item.delete,
        // No row has another method; `RouteTable::faults` says so.
        _ => return,
    };
    *slot = Some(operation);
}

fn shared_problem((name, code, about): (&str, ErrorCode, &str)) -> Response {
    let mut response = problem(code, about);
    if AFTER_ADMISSION.contains(&name) {
        response.headers.insert(seen_position::NAME.to_owned(), seen_position::reference());
    }
    response
}

fn problem(code: ErrorCode, about: &str) -> Response {
    let outcome = if code == error_code::OUTCOME_UNKNOWN { Outcome::Unknown } else { Outcome::NotExecuted };
    let example = json!({
        "type": format!("/docs/errors#{}", code.name),
        "title": code.title,
        "status": code.status,
        "code": code.name,
        "retryable": code.retryable,
        "outcome": outcome,
        "request_id": "req_01h455vb4pex5vsknk084sn02q",
    });
    let content = ContentBuilder::new()
        .schema(Some(RefOr::<Schema>::Ref(Ref::from_schema_name(ProblemBody::name()))))
        .example(Some(example))
        .build();
    ResponseBuilder::new().description(about).content(MEDIA_TYPE, content).build()
}

/// Schemas of one name that differ: the later would silently replace the earlier in the document.
#[must_use]
pub fn faults(table: &RouteTable) -> Vec<String> {
    let mut schemas = Vec::new();
    for row in table.rows().filter(|row| row.documented) {
        (row.endpoint.schemas)(&mut schemas);
    }
    let mut kept: BTreeMap<&str, &RefOr<Schema>> = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, schema) in &schemas {
        if kept.insert(name, schema).is_some_and(|other| other != schema) {
            faults.push(format!("two different types are described as the schema {name}"));
        }
    }
    faults
}

/// The document as text, as it is served and as `schemas/openapi.json` keeps it.
#[must_use]
pub fn to_text(table: &RouteTable) -> String {
    document(table).to_pretty_json().unwrap_or_default()
}
