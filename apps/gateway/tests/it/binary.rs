//! The binary itself: commands, refusals, start and end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use crate::server::request;

fn velox(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_velox"))
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(directory.path())
        .output()
        .unwrap()
}

/// A child that does not outlive a failed test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // After a test that passed it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn commands_print_what_they_promise() {
    let text = |arguments: &[&str]| {
        let output = velox(arguments, &[]);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(text(&["version"]).starts_with("velox 0."));
    assert!(text(&["config", "print", "--redacted", "--port", "4000"]).contains("4000"));
    assert!(text(&["generate", "config-docs"]).contains("server.port"));
    assert!(text(&["generate", "error-codes"]).contains("| `order_denied` | 422 |"));
    for document in ["config-schema", "openapi"] {
        let _: serde_json::Value = serde_json::from_str(&text(&["generate", document])).unwrap();
    }
}

#[test]
fn a_wrong_configuration_refuses_to_start() {
    for (arguments, environment, words) in [
        (vec!["--set", "server.prot=1"], vec![], "did you mean `server.port`"),
        (vec![], vec![("VELOX_DATABASE_URL", "changeme")], "database.url"),
        (vec!["--config", "missing.toml"], vec![], "missing.toml"),
        (vec!["--bind", "192.0.2.1"], vec![], "cannot listen on 192.0.2.1:3000"),
        (vec!["--set", "log.filter=a=b=c"], vec![], "log.filter"),
    ] {
        let output = velox(&arguments, &environment);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn serves_until_it_is_told_to_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Process(
        Command::new(env!("CARGO_BIN_EXE_velox"))
            .args(["--port", "0", "--set", "log.format=json", "--set", "log.filter=debug"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains("listening on http://")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["address"].as_str().unwrap().parse().unwrap();
    let headers = [("X-Request-Id", "mine-1"), ("Authorization", "Bearer very-secret-token")];
    assert_eq!(request(address, "GET", "/v1/version", &headers, b"").await.status, 200);

    assert!(Command::new("kill").args(["-TERM", &child.0.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert!(child.0.wait().unwrap().success());
    assert!(rest.iter().any(|line| line.contains("mine-1") && line.contains("answered")), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("\"ended\"")), "{rest:?}");
    assert!(!rest.concat().contains("very-secret-token"));
}
