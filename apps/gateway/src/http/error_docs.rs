//! The error codes as documents, from the kernel's table.

use std::fmt::Write;

use velox_kernel::error_code;

/// The codes as Markdown, as `docs/errors.md` keeps them.
#[must_use]
pub fn to_markdown() -> String {
    let mut text = String::from(
        "# Error codes\n\nGenerated from the code. Every refusal and failure is `application/problem+json` (RFC 9457); \
         `code` is one of these.\n\n| code | status | retryable | meaning |\n|---|---|---|---|\n",
    );
    for code in error_code::ALL {
        let retryable = if code.retryable { "yes" } else { "no" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{}` | {} | {retryable} | {} |", code.name, code.status, code.title);
    }
    text
}

/// The codes as a page; a problem's `type` points into it.
#[must_use]
pub fn to_html() -> String {
    let mut text = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Velox error codes</title></head>\
         <body><h1>Error codes</h1><dl>",
    );
    for code in error_code::ALL {
        let again = if code.retryable { "the same request may succeed later" } else { "do not repeat it unchanged" };
        let _ = write!(
            text,
            "<dt id=\"{0}\"><code>{0}</code> ({1})</dt><dd>{2} ({again})</dd>",
            code.name, code.status, code.title
        );
    }
    text.push_str("</dl></body></html>");
    text
}
