//! From the table to the app of one worker.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, guard};

use super::edge::Edge;
use super::frame::{Frame, PathRows};
use super::metrics::RowMetrics;
use super::table::{RouteTable, Row};

/// The table made ready: rows by path, `Allow` headers and metrics, shared by all workers.
pub(super) struct Mounted {
    paths: Vec<Arc<PathRows>>,
    elsewhere: Arc<PathRows>,
}

impl Mounted {
    /// Makes the table ready.
    pub(super) fn new(table: &RouteTable) -> Self {
        let paths = table.by_path().into_iter().map(|(pattern, rows)| Arc::new(path_rows(pattern, &rows))).collect();
        let elsewhere = Arc::new(PathRows {
            pattern: "elsewhere",
            rows: Vec::new(),
            others: RowMetrics::new("elsewhere", "any"),
            allow: None,
        });
        Self { paths, elsewhere }
    }

    /// Adds every path to the app of a worker, and the answer for all others.
    pub(super) fn configure(&self, app: &mut ServiceConfig, edge: &Arc<Edge>) {
        for path in &self.paths {
            let frame = Frame { edge: Arc::clone(edge), path: Arc::clone(path) };
            for (row, _) in path.rows.iter().filter(|(row, _)| row.bare) {
                let of_row = row.clone();
                let guard = guard::fn_guard(move |context| of_row.answers(&context.head().method));
                app.service(web::resource(path.pattern).guard(guard).route(row.route()));
            }
            let mut resource = web::resource(path.pattern);
            for (row, _) in path.rows.iter().filter(|(row, _)| !row.bare) {
                resource = resource.route(row.route());
            }
            app.service(resource.wrap(frame));
        }
        let frame = Frame { edge: Arc::clone(edge), path: Arc::clone(&self.elsewhere) };
        // The frame answers before this handler would run.
        let nowhere = web::resource("/{elsewhere:.*}").to(|| async { HttpResponse::NotFound().finish() });
        app.service(nowhere.wrap(frame));
    }
}

fn path_rows(pattern: &'static str, rows: &[&Row]) -> PathRows {
    let mut methods = BTreeSet::from(["OPTIONS".to_owned()]);
    for row in rows {
        methods.insert(row.method.to_string());
        if row.offers_head() {
            methods.insert("HEAD".to_owned());
        }
    }
    let methods: Vec<String> = methods.into_iter().collect();
    PathRows {
        pattern,
        rows: rows.iter().map(|row| ((*row).clone(), RowMetrics::new(pattern, row.method_name()))).collect(),
        others: RowMetrics::new(pattern, "other"),
        allow: HeaderValue::try_from(methods.join(", ")).ok(),
    }
}
