//! The table of routes: one row an operation. The app, 405 and `Allow`, access, limits, metrics and the OpenAPI
//! document are all built from it, so that none of them can disagree with another.

use actix_web::guard;
use actix_web::http::Method;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::{RefOr, schema::Schema};
use velox_kernel::Permission;

/// Who may call an operation. Checked before its handler runs and before its body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Anybody who is signed in.
    Authenticated,
    /// Whose role carries the permission.
    May(Permission),
    /// Whose role carries the permission in the organisation that runs the installation, that of its first user: for
    /// what all tenants share.
    HostMay(Permission),
}

/// Which of the rate limits an operation counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// None: probes, metrics and documents.
    None,
    /// The general one.
    Usual,
    /// Attempts to sign in, by address.
    Login,
    /// Orders and what else changes an account.
    Orders,
}

/// Schemas by name, as they go into the document.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// What [`row!`](crate::row) takes from an endpoint's file.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// The operation as its `#[utoipa::path]` describes it.
    pub operation: fn() -> Operation,
    /// The path that the description names; a test holds it to the row's.
    pub path: fn() -> String,
    /// The methods that the description names; a test holds them to the row's.
    pub methods: fn() -> Vec<HttpMethod>,
    /// Collects the schemas it uses.
    pub schemas: fn(&mut Schemas),
    /// Its handler.
    pub route: fn() -> actix_web::Route,
}

/// One operation.
#[derive(Clone)]
pub struct Row {
    /// The method.
    pub method: Method,
    /// The path with its `{parameters}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Its name, the file's: `verb_noun`. It is the operation id.
    pub name: &'static str,
    /// The limit it counts against.
    pub limit: Limit,
    /// The largest body in bytes; the configured one when `None`.
    pub max_body: Option<usize>,
    pub(super) endpoint: Endpoint,
    pub(super) documented: bool,
    pub(super) bare: bool,
    pub(super) long_lived: bool,
}

impl Row {
    /// A row; use the [`row!`](crate::row) macro.
    #[must_use]
    pub fn new(method: Method, path: &'static str, access: Access, name: &'static str, endpoint: Endpoint) -> Self {
        Self {
            method,
            path,
            access,
            name,
            limit: Limit::Usual,
            max_body: None,
            endpoint,
            documented: true,
            bare: false,
            long_lived: false,
        }
    }

    /// Counts against another limit.
    #[must_use]
    pub const fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    /// Takes larger or only smaller bodies than the configured ones, in bytes.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// Left out of the OpenAPI document: pages for people.
    #[must_use]
    pub const fn undocumented(mut self) -> Self {
        self.documented = false;
        self
    }

    /// Answers without the frame: no request id, no metrics, no log line. For the liveness probe alone.
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.bare = true;
        self.limit = Limit::None;
        self
    }

    /// Answers with a stream or an upgrade: `HEAD` is not offered.
    #[must_use]
    pub const fn long_lived(mut self) -> Self {
        self.long_lived = true;
        self
    }

    /// Whether the row answers requests of the method; `HEAD` goes where `GET` goes (RFC 9110 §9.3.2).
    #[must_use]
    pub fn answers(&self, method: &Method) -> bool {
        self.method == *method || (self.offers_head() && *method == Method::HEAD)
    }

    pub(super) fn offers_head(&self) -> bool {
        self.method == Method::GET && !self.long_lived
    }

    /// The method's name, for labels.
    pub(super) fn method_name(&self) -> &'static str {
        match self.method {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            // `RouteTable::faults` lets no other method into a table.
            _ => "other",
        }
    }

    pub(super) fn route(&self) -> actix_web::Route {
        let row = self.clone();
        (self.endpoint.route)().guard(guard::fn_guard(move |context| row.answers(&context.head().method)))
    }
}

/// A row of the table: `row!(GET "/v1/orders/{id}", May(OrdersRead), get_order)`.
///
/// The last word is a module in scope with a `pub async fn handle` under `#[utoipa::path]`.
#[macro_export]
macro_rules! row {
    ($method:ident $path:literal, $access:expr, $endpoint:ident) => {
        $crate::http::Row::new(
            ::actix_web::http::Method::$method,
            $path,
            $access,
            stringify!($endpoint),
            $crate::http::Endpoint {
                operation: <$endpoint::__path_handle as ::utoipa::Path>::operation,
                path: <$endpoint::__path_handle as ::utoipa::Path>::path,
                methods: <$endpoint::__path_handle as ::utoipa::Path>::methods,
                schemas: <$endpoint::__path_handle as ::utoipa::__dev::SchemaReferences>::schemas,
                route: || ::actix_web::web::to($endpoint::handle),
            },
        )
    };
}

/// Rows of one area of the API.
#[derive(Clone)]
pub struct Group {
    /// The tag in the document.
    pub tag: &'static str,
    /// What the area is about.
    pub about: &'static str,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// All rows, by area.
#[derive(Clone, Default)]
pub struct RouteTable {
    groups: Vec<Group>,
}

impl RouteTable {
    /// Adds an area.
    #[must_use]
    pub fn group(mut self, tag: &'static str, about: &'static str, rows: Vec<Row>) -> Self {
        self.groups.push(Group { tag, about, rows });
        self
    }

    /// The areas, in the order they were added.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.groups.iter().flat_map(|group| &group.rows)
    }

    /// Rows by path. Paths without parameters come first, so that `/orders/explain` is not taken for an id.
    pub(super) fn by_path(&self) -> Vec<(&'static str, Vec<&Row>)> {
        let mut paths: Vec<(&'static str, Vec<&Row>)> = Vec::new();
        for row in self.rows() {
            match paths.iter_mut().find(|(path, _)| *path == row.path) {
                Some((_, rows)) => rows.push(row),
                None => paths.push((row.path, vec![row])),
            }
        }
        paths.sort_by_key(|(path, _)| path.contains('{'));
        paths
    }

    /// What is wrong with the table: doubled rows or names, rows that disagree with their description.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let rows: Vec<&Row> = self.rows().collect();
        for (place, row) in rows.iter().enumerate() {
            let name = format!("{} {} ({})", row.method, row.path, row.name);
            if rows[..place].iter().any(|other| other.method == row.method && other.path == row.path) {
                faults.push(format!("{name} is in the table twice"));
            }
            if rows[..place].iter().any(|other| other.name == row.name) {
                faults.push(format!("{name} has the name of another row"));
            }
            if (row.endpoint.path)() != row.path {
                faults.push(format!("{name} is described as {}", (row.endpoint.path)()));
            }
            let described = (row.endpoint.methods)();
            if described.len() != 1 || !described.iter().all(|method| same_method(method, &row.method)) {
                faults.push(format!("{name} is described under another method"));
            }
        }
        faults
    }
}

fn same_method(described: &HttpMethod, method: &Method) -> bool {
    matches!(
        (described, method.as_str()),
        (HttpMethod::Get, "GET")
            | (HttpMethod::Post, "POST")
            | (HttpMethod::Put, "PUT")
            | (HttpMethod::Patch, "PATCH")
            | (HttpMethod::Delete, "DELETE")
    )
}
