//! The commands beside a real server on the same database.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{database::Embedded, velox};

/// A server that does not outlive a failed test.
struct Server {
    process: Child,
    url: String,
    port: String,
}

impl Server {
    fn start(database: &Embedded) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_velox"))
            .args(["--data-dir", "data", "--port", "0", "--set", "market.feed=none"])
            .args(["--set", "log.format=json"])
            .current_dir(database.0.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.contains("listening on http://")).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let line: Value = serde_json::from_str(&line).unwrap();
        let address = line["address"].as_str().unwrap();
        let port = address.rsplit(':').next().unwrap().to_owned();
        Self { process, url: format!("http://{address}"), port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_running_server_is_looked_at_and_loaded_through() {
    let database = Embedded::new();
    let server = Server::start(&database);
    let directory = database.0.path();

    let doctor = velox(directory, &["doctor", "--port", &server.port], &[]).ends(0);
    doctor.says(&["ok    lock", "ok    server", "and is ready", "warn  first sign-in"]);
    velox(directory, &["verify"], &[]).ends(0).says(&["accounts 1,", "no faults"]);
    velox(directory, &["migrate", "status"], &[]).ends(0).says(&["applied   0001_trading"]);
    let second = velox(directory, &["--port", "0"], &[]).ends(1);
    second.says(&["in use by another server"]);

    let sign_in = fs::read_to_string(directory.join("data/first-sign-in.txt")).unwrap();
    let word = |name: &str| {
        let line = sign_in.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    let (email, password) = (word("e-mail"), word("password"));
    let mut bars = String::from("timestamp,open,high,low,close,volume\n");
    for minute in 0..6_000_i64 {
        bars.push_str(&format!("{},100,101,99,100,3\n", 1_640_995_200 + 60 * minute));
    }
    fs::write(directory.join("bars.csv"), bars).unwrap();
    let import = |password: &str| {
        let arguments = ["import", "--symbol", "BTC-PERP", "bars.csv", "--email", &email, "--port", &server.port];
        velox(directory, &arguments, &[("VELOX_PASSWORD", password)])
    };
    import("wrong-wrong-wrong").ends(1).says(&["refuses: 401"]);
    let said = import(&password).ends(0);
    said.says(&["a server holds the database", "loaded 6000 bars of 1m", &server.url]);
    let trades = format!("{}/../../data/btcusdt-trades.csv", env!("CARGO_MANIFEST_DIR"));
    let arguments = ["import", "--symbol", "BTCUSDT", &trades, "--email", &email, "--url", &server.url];
    velox(directory, &arguments, &[("VELOX_PASSWORD", &password)]).ends(0).says(&["loaded 200 trades"]);

    drop(server);
    let status = velox(directory, &["import", "--symbol", "BTC-PERP", "bars.csv"], &[]);
    status.ends(0).says(&["loaded 6000 bars of 1m", "into the database"]);
}
