//! The configuration file: TOML with one table a section.

use std::path::Path;

use toml::de::{DeTable, DeValue};

/// A value of the file: full key, its text, its line.
pub(super) struct Given {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) line: usize,
}

/// Reads the file's values, in no particular order; the error names the file and the line.
pub(super) fn read(path: &Path, content: &str) -> Result<Vec<Given>, String> {
    let line_of = |offset: usize| content.get(..offset).unwrap_or_default().matches('\n').count() + 1;
    let table = DeTable::parse(content).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        format!("{}:{line}: {}", path.display(), error.message())
    })?;
    let mut given = Vec::new();
    for (section, value) in table.get_ref() {
        let line = line_of(section.span().start);
        let DeValue::Table(keys) = value.get_ref() else {
            return Err(format!(
                "{}:{line}: `{}` stands outside of a section; keys are written below a line such as [server]",
                path.display(),
                section.get_ref()
            ));
        };
        for (name, value) in keys {
            let key = format!("{}.{}", section.get_ref(), name.get_ref());
            let line = line_of(name.span().start);
            let text = text_of(value.get_ref()).ok_or_else(|| {
                format!("{}:{line}: {key} takes text, a number, true or false, or a list", path.display())
            })?;
            given.push(Given { key, text, line });
        }
    }
    Ok(given)
}

fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Array(list) => {
            list.iter().map(|item| text_of(item.get_ref())).collect::<Option<Vec<_>>>().map(|items| items.join(","))
        }
        DeValue::Table(_) | DeValue::Datetime(_) => None,
    }
}
