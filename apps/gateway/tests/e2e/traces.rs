//! Traces: a fill leads back to the request that caused it, figures arrive, and a collector that is away disturbs nobody.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::Api;
use crate::audit::text;
use crate::collector::{CLIENT, CONSUMER, Collector, SERVER, Span};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::server::Server;
use crate::story::{market, wait_until};
use crate::waiting::{PATIENCE, say, wait_for};

/// The trace and the span that the client sends.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
/// What a client may see of a stuck collector: nothing. A busy machine is slow, and this is far below what one waits.
const PROMPT: Duration = Duration::from_secs(4);
/// Requests beside a collector that is away.
const REQUESTS: usize = 60;

fn start(installation: &Installation, collector: SocketAddr, more: &[&str]) -> Server {
    let mut command = installation.serve();
    command.args(["--set", &format!("telemetry.otlp_endpoint=http://{collector}")]);
    command.args(["--set", "telemetry.metrics_every_ms=200"]);
    for setting in more {
        command.args(["--set", setting]);
    }
    Server::start(&mut command)
}

/// A client whose requests belong to the trace.
fn traced(installation: &Installation, server: &Server, flags: &str) -> Api {
    let mut api = installation.trader(server);
    api.more_headers = format!("traceparent: 00-{TRACE}-{SPAN}-{flags}\r\nx-request-id: mine-{flags}\r\n");
    api
}

/// Places an order that fills, and gives it.
fn fill(api: &mut Api, name: &str) -> Value {
    let account = api.account();
    let order = api.place(&market(&account, name));
    wait_until(api, text(&order, "id"), "filled")
}

/// What became of an order, by the account's log: kinds of events, and their traces.
fn story_of(api: &mut Api, order: &Value) -> Vec<(String, Option<String>)> {
    let id = text(order, "id");
    let events = api.list(&format!("/v1/accounts/{}/events", text(order, "account_id")));
    let of_the_order = |event: &&Value| event["data"].to_string().contains(id);
    let kind = |event: &Value| (text(event, "type").to_owned(), event["trace_id"].as_str().map(str::to_owned));
    events.iter().filter(of_the_order).map(kind).collect()
}

const KINDS: [&str; 4] = ["order_accepted", "order_routed", "order_acknowledged", "order_filled"];

fn must_lead_back(api: &mut Api, order: &Value) {
    let story = story_of(api, order);
    let kinds: Vec<&str> = story.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, KINDS);
    assert!(story.iter().all(|(_, trace)| trace.as_deref() == Some(TRACE)), "{story:?}");
}

#[test]
fn a_fill_leads_back_to_its_request_on_sqlite() {
    a_fill_leads_back(&Installation::on_sqlite(), "sqlite");
}

#[test]
fn a_fill_leads_back_to_its_request_on_postgres() {
    a_fill_leads_back(&Installation::on_postgres(Syncs::Off), "postgresql");
}

fn a_fill_leads_back(installation: &Installation, database: &str) {
    let collector = Collector::start();
    let more = ["telemetry.otlp_headers=x-tenant=mine", "telemetry.sample_ratio=0"];
    let server = start(installation, collector.address, &more);
    let mut api = traced(installation, &server, "01");
    let order = fill(&mut api, "traced");
    must_lead_back(&mut api, &order);

    // A request that logs a line has its id on it, as without telemetry, and nothing of the spans that logs do not show.
    assert_eq!(api.call("GET", "/v1/orders/ord_nothing", None).unwrap().status, 400);
    wait_for("a line about the request", PATIENCE, || (server.logged("\"mine-01\"") > 0).then_some(()));
    assert_eq!(server.logged("otel."), 0);

    let one = |what: &str, matches: &dyn Fn(&Span) -> bool| {
        wait_for(what, PATIENCE, || collector.spans().into_iter().find(|span| span.trace == TRACE && matches(span)))
    };
    let below = |parent: &Span, name: &str| {
        one(&format!("{name} below {}", parent.name), &|span| span.parent == parent.id && span.name == name)
    };
    let command = |parent: &Span, command: &str| {
        one(&format!("the command {command} below {}", parent.name), &|span| {
            span.parent == parent.id && span.attributes.get("velox.command").is_some_and(|word| word == command)
        })
    };
    let committed = |write: &Span| {
        let append = below(&below(write, "account.commit"), "trading.append");
        assert_eq!(append.kind, CLIENT);
        assert_eq!(append.attributes["db.system.name"], database);
        assert_eq!(append.attributes["db.operation.name"], "append");
        assert_eq!(append.attributes.contains_key("db.namespace"), database == "postgresql");
        assert!(write.took >= append.took, "a write lasts until its answer: {write:?}, {append:?}");
    };

    let request = one("the request", &|span| span.name == "POST /v1/orders");
    assert_eq!((request.parent.as_str(), request.kind), (SPAN, SERVER));
    for (attribute, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/orders"),
        ("http.response.status_code", "201"),
        ("url.scheme", "http"),
        ("url.path", "/v1/orders"),
        ("server.address", "127.0.0.1"),
        ("velox.request_id", "mine-01"),
    ] {
        assert_eq!(request.attributes.get(attribute).map(String::as_str), Some(value), "{attribute}: {request:?}");
    }
    assert_eq!(request.resource["service.name"], "velox");
    assert_eq!(request.resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert!(request.resource.contains_key("service.instance.id"));
    committed(&command(&request, "place"));

    let served = below(&request, "order.serve");
    assert_eq!(served.attributes["velox.order"], text(&order, "id"));
    committed(&command(&served, "route"));
    assert_eq!(below(&served, "broker.place").kind, CLIENT);
    for word in ["acknowledged", "filled"] {
        let report = one(&format!("the report {word}"), &|span| {
            span.parent == request.id && span.attributes.get("velox.report").is_some_and(|report| report == word)
        });
        assert_eq!((report.name.as_str(), report.kind), ("broker.report", CONSUMER));
        committed(&command(&report, "report"));
    }

    let read = one("a read", &|span| span.name == "GET /v1/accounts/{account_id}/events");
    below(&read, "trading.events");
    the_same_figures_arrive(&collector, &server);
    assert!(collector.was_told("x-tenant: mine"));

    // Nobody asked for these: a client that does not want its trace kept, requests without a trace, what runs by itself.
    let mut unasked = traced(installation, &server, "00");
    let unsampled = fill(&mut unasked, "unsampled");
    must_lead_back(&mut unasked, &unsampled);
    fill(&mut installation.trader(&server), "untraced");
    server.stop();
    let strangers: Vec<_> = collector.spans().into_iter().filter(|span| span.trace != TRACE).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    assert_eq!(collector.named(TRACE, "POST /v1/orders").len(), 1, "the one that was to be kept");
    installation.verify();
}

/// Counters, gauges and histograms come to what `/metrics` shows.
fn the_same_figures_arrive(collector: &Collector, server: &Server) {
    let text = Api::new(server.address, "").call("GET", "/metrics", None).unwrap().body;
    for (name, labels) in [
        ("velox_http_requests_total", vec![("route", "/v1/orders"), ("method", "POST"), ("status", "2xx")]),
        ("velox_events_total", vec![("type", "order_filled")]),
        ("velox_http_connections", vec![]),
        ("velox_commit_seconds", vec![]),
    ] {
        let arrived = wait_for(name, PATIENCE, || collector.figure(name, &labels).filter(|figure| *figure >= 1.0));
        say(&format!("{name} arrived: {arrived}"));
        let shown = text.as_str().unwrap().lines().any(|line| line.starts_with(name));
        assert!(shown, "{name} is on /metrics too");
    }
    let filled = collector.figure("velox_events_total", &[("type", "order_filled")]);
    assert!(
        text.as_str().unwrap().contains(&format!("velox_events_total{{type=\"order_filled\"}} {}", filled.unwrap()))
    );
}

#[test]
fn a_fill_leads_back_to_a_request_that_another_gateway_took() {
    let (installation, collector) = (Installation::on_postgres(Syncs::Off), Collector::start());
    let first = start(&installation, collector.address, &["limits.gateways=2"]);
    let second = start(&installation, collector.address, &["limits.gateways=2", "process.roles=gateway"]);
    let mut api = traced(&installation, &second, "01");
    let order = fill(&mut api, "elsewhere");
    must_lead_back(&mut api, &order);
    let request = wait_for("the request", PATIENCE, || collector.named(TRACE, "POST /v1/orders").pop());
    let filled = wait_for("the fill", PATIENCE, || {
        let reports = collector.named(TRACE, "broker.report");
        reports.into_iter().find(|span| span.attributes["velox.report"] == "filled")
    });
    assert_eq!(filled.parent, request.id);
    assert_ne!(filled.resource["service.instance.id"], request.resource["service.instance.id"]);
    second.stop();
    first.stop();
    // Looks into the store, the feed and probes begin no traces.
    let roots = collector.spans().into_iter().filter(|span| span.parent.is_empty());
    let others: Vec<_> = roots.filter(|span| span.kind != SERVER || span.name.ends_with("/readyz")).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn without_telemetry_the_events_keep_the_trace_that_the_client_sent() {
    let installation = Installation::on_sqlite();
    let server = installation.start();
    let mut api = traced(&installation, &server, "01");
    let order = fill(&mut api, "traced");
    must_lead_back(&mut api, &order);
    api.more_headers.clear();
    let order = fill(&mut api, "untraced");
    assert!(story_of(&mut api, &order).iter().all(|(_, trace)| trace.is_none()));
    server.stop();
    installation.verify();
}

#[test]
fn a_collector_that_hangs_makes_nobody_wait() {
    // Connections are accepted by the system, and nobody ever answers.
    let hanging = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let installation = Installation::on_sqlite();
    let server = start(&installation, hanging.local_addr().unwrap(), &["telemetry.timeout_ms=60000"]);
    nobody_waits(&installation, &server);
    let began = Instant::now();
    server.stop();
    say(&format!("the end took {:?}", began.elapsed()));
    assert!(began.elapsed() < Duration::from_secs(20), "the end waits for the collector two seconds at most");
}

#[test]
fn a_collector_that_is_away_is_told_of_once_and_gets_what_comes_later() {
    let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let installation = Installation::on_sqlite();
    let server = start(&installation, address, &["telemetry.timeout_ms=500"]);
    nobody_waits(&installation, &server);
    let dropped = |server: &Server| {
        let text = Api::new(server.address, "").call("GET", "/metrics", None).unwrap().body;
        text.as_str().unwrap().contains("velox_telemetry_spans_dropped_total")
    };
    wait_for("dropped spans to be counted", PATIENCE, || dropped(&server).then_some(()));
    assert_eq!(server.logged("the telemetry collector takes no spans"), 1);

    let collector = Collector::start_on(address);
    let mut api = traced(&installation, &server, "01");
    wait_for("spans to arrive", PATIENCE, || {
        api.account();
        collector.spans().into_iter().find(|span| span.trace == TRACE)
    });
    wait_for("the log to say so", PATIENCE, || server.has_logged("takes spans again").then_some(()));
    server.stop();
    // What waited at the end was sent.
    let last = collector.spans().len();
    assert!(last > 0);
}

/// Requests are answered as if there were no collector.
fn nobody_waits(installation: &Installation, server: &Server) {
    let mut api = installation.trader(server);
    let account = api.account();
    let mut took = Vec::new();
    for number in 0..REQUESTS {
        let began = Instant::now();
        api.place(&market(&account, &format!("n-{number}")));
        api.get("/v1/users/me");
        took.push(began.elapsed());
    }
    took.sort();
    say(&format!("an order and a read: median {:?}, slowest {:?}", took[REQUESTS / 2], took[REQUESTS - 1]));
    assert!(took[REQUESTS - 1] < PROMPT, "{took:?}");
}
