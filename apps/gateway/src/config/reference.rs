//! The configuration as documents: the reference, the schema, and what is in force.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::keys::KEYS;
use super::load::Settings;
use super::setting::{Check, Key};

/// The reference in Markdown, as `docs/config.md` keeps it.
#[must_use]
pub fn to_markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\nGenerated from the code. Defaults, then a file (`velox.toml`, or the one that `--config` or \
         `VELOX_CONFIG` names), then the environment, then flags (`--set server.port=3000`): the later one wins. The key \
         `server.port` is `port` below `[server]` in the file and `VELOX_SERVER_PORT` in the environment. A secret may \
         come from a file of its own: `database.url_file` or `VELOX_DATABASE_URL_FILE`. An unknown key is an \
         error.\n",
    );
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            let _ = write!(text, "\n## {section}\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n");
        }
        let default = if key.default.is_empty() { "unset".to_owned() } else { format!("`{}`", key.default) };
        let unit = if key.unit.is_empty() { String::new() } else { format!(" {}", key.unit) };
        let _ = writeln!(text, "| `{}` | {default}{unit} | {} | {} |", key.full_name(), allowed(key), key.doc);
    }
    text
}

fn allowed(key: &Key) -> String {
    match (&key.check, key.json_type) {
        (Check::Within(least, most), _) => format!("{least} to {most}"),
        (Check::Any, "boolean") => "true, false".to_owned(),
        (Check::Any, "array") => "a list".to_owned(),
        (Check::Any, _) if key.secret => "secret".to_owned(),
        (Check::Any, "integer") => "a whole number".to_owned(),
        (Check::Any, _) => "text".to_owned(),
        (check, _) => check.describe(),
    }
}

/// The schema of the file (JSON Schema 2020-12), as `schemas/config.schema.json` keeps it.
#[must_use]
pub fn to_json_schema() -> String {
    let mut sections = Map::new();
    for key in KEYS {
        let section = sections
            .entry(key.section)
            .or_insert_with(|| json!({"type": "object", "additionalProperties": false, "properties": {}}));
        section["properties"][key.name] = property(key);
        if key.secret {
            section["properties"][format!("{}_file", key.name)] =
                json!({"type": "string", "description": format!("A file that holds `{}`.", key.full_name())});
        }
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "velox.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": Value::Object(sections),
    });
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

fn property(key: &Key) -> Value {
    let mut property = json!({"type": key.json_type, "description": key.doc});
    match key.check {
        Check::Within(least, most) => {
            property["minimum"] = least.into();
            property["maximum"] = most.into();
        }
        Check::Words(words) => property["enum"] = words.into(),
        Check::UpTo(_) | Check::Between(..) => property["type"] = json!(["string", "number"]),
        Check::Any => {}
    }
    if key.json_type == "array" {
        property["items"] = json!({"type": "string"});
    }
    if !key.default.is_empty() {
        property["default"] = match key.json_type {
            "integer" => key.default.parse::<u64>().map_or(Value::Null, Value::from),
            "boolean" => Value::from(key.default == "true"),
            _ => key.default.into(),
        };
    }
    property
}

/// What is in force and where it came from, one key a line; secrets are not shown unless asked for.
#[must_use]
pub fn print_effective(settings: &Settings, redacted: bool) -> String {
    let mut text = String::new();
    for entry in &settings.entries {
        let value = match entry.text.as_str() {
            "" => "(unset)",
            _ if entry.key.secret && redacted => "[secret]",
            value => value,
        };
        let _ = writeln!(text, "{:<32} {value:<24} # {}", entry.key.full_name(), entry.origin);
    }
    text
}
