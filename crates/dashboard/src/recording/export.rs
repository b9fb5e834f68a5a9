//! A recording and the page in one file, to be opened without a server and attached to a ticket.
//!
//! A module cannot be found by a relative name in such a file, so that each gets a bare name, and an import map says
//! where it is: in a `data:` URL.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::index::JobRecording;
use crate::server::{PAGE, page_files};
use heartline_core::text;

/// What such a page may do: run itself. It can ask nobody.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

/// What modules are called.
const PREFIX: &str = "heartline/";

/// The whole page; an error if a block cannot be read.
pub(crate) fn html(recording: &JobRecording) -> io::Result<String> {
    let mut page = PAGE.to_owned();
    let mut modules = Map::new();
    for (name, kind, content) in page_files() {
        if kind.starts_with("text/javascript") {
            let module = bare(content);
            if name != "theme.js" {
                modules.insert(format!("{PREFIX}{name}"), data_url(kind, &module).into());
            }
            let whole = format!("<script src=\"{name}\"></script>");
            page = page.replace(&whole, &format!("<script>\n{content}</script>"));
        } else if kind.starts_with("text/css") {
            let link = format!("<link rel=\"stylesheet\" href=\"{name}\">");
            page = page.replace(&link, &format!("<style>\n{content}</style>"));
        } else if kind.starts_with("image/") {
            page = page.replace(
                &format!("\"{name}\""),
                &format!("\"{}\"", data_url(kind, content)),
            );
        }
    }
    let map = Value::Object(Map::from_iter([("imports".to_owned(), modules.into())]));
    let parts = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n  \
         <script type=\"importmap\">{map}</script>\n  \
         <script type=\"module\">import '{PREFIX}app.js';</script>\n  \
         <script type=\"application/json\" id=\"recording\">{}</script>",
        embedded(recording)?
    );
    let start = "<script type=\"module\" src=\"app.js\"></script>";
    Ok(page.replacen(start, &parts, 1))
}

/// A module with bare names.
fn bare(module: &str) -> String {
    module.replace(" from './", &format!(" from '{PREFIX}"))
}

fn data_url(kind: &str, content: &str) -> String {
    let kind = kind.replace("; ", ";");
    format!("data:{kind};base64,{}", BASE64_STANDARD.encode(content))
}

/// The recording as JSON that is safe within a script element.
fn embedded(recording: &JobRecording) -> io::Result<String> {
    let mut jobs = Vec::new();
    for (number, namespace) in recording.namespaces().enumerate() {
        let count = recording.blocks(number).unwrap_or_default();
        let mut blocks = Vec::with_capacity(count);
        for block in 0..count {
            if let Some(bytes) = recording.block(number, block) {
                blocks.push(format!("\"{}\"", BASE64_STANDARD.encode(bytes?)));
            }
        }
        let namespace = text::json(namespace)?;
        let about = recording.about(number).unwrap_or_default();
        let blocks = blocks.join(",");
        jobs.push(format!(
            "{{\"id\":{number},\"namespace\":{namespace},\"recording\":{about},\"blocks\":[{blocks}]}}"
        ));
    }
    // Nothing may end the element, or begin a comment in it.
    Ok(format!("{{\"jobs\":[{}]}}", jobs.join(",")).replace('<', "\\u003c"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_get_bare_names() {
        assert_eq!(
            bare("import { a } from './a.js';\nimport b from './b.js';\n"),
            "import { a } from 'heartline/a.js';\nimport b from 'heartline/b.js';\n"
        );
    }

    #[test]
    fn the_page_is_whole() {
        for (name, kind, _) in page_files() {
            let is_linked = PAGE.contains(&format!("\"{name}\""));
            let is_module = kind.starts_with("text/javascript") && name != "theme.js";
            assert!(is_linked || is_module || name == "index.html", "{name}");
        }
        assert!(PAGE.contains("<script type=\"module\" src=\"app.js\"></script>"));
    }
}
