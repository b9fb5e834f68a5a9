//! The files of the page, which are part of this program.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::api::not_found;

/// A file: its path, its type, its content.
struct Asset(&'static str, &'static str, &'static [u8]);

macro_rules! assets {
    ($($path:literal: $kind:expr),* $(,)?) => {
        &[$(Asset($path, $kind, include_bytes!(concat!("../../assets/", $path)))),*]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

static ASSETS: &[Asset] = assets! {
    "action_dialog.js": SCRIPT,
    "action_questions.js": SCRIPT,
    "actions.css": CSS,
    "actions.js": SCRIPT,
    "actions_panel.js": SCRIPT,
    "announce.js": SCRIPT,
    "app.js": SCRIPT,
    "cluster.js": SCRIPT,
    "cluster_panels.js": SCRIPT,
    "cluster_rows.js": SCRIPT,
    "cluster_sums.js": SCRIPT,
    "dom.js": SCRIPT,
    "draw.js": SCRIPT,
    "event_list.js": SCRIPT,
    "event_row.js": SCRIPT,
    "events.js": SCRIPT,
    "filter.js": SCRIPT,
    "format.js": SCRIPT,
    "icon.svg": SVG,
    "index.html": HTML,
    "jobs.js": SCRIPT,
    "keys.js": SCRIPT,
    "list.js": SCRIPT,
    "marks.js": SCRIPT,
    "member.js": SCRIPT,
    "member_facts.js": SCRIPT,
    "model.js": SCRIPT,
    "model_sums.js": SCRIPT,
    "moment_address.js": SCRIPT,
    "node_list.js": SCRIPT,
    "node_rows.js": SCRIPT,
    "nodes.js": SCRIPT,
    "overview.js": SCRIPT,
    "parts.js": SCRIPT,
    "recorded_events.js": SCRIPT,
    "recording.js": SCRIPT,
    "recording_blocks.js": SCRIPT,
    "recording_source.js": SCRIPT,
    "recording_survey.js": SCRIPT,
    "replay.css": CSS,
    "replay_bar.js": SCRIPT,
    "replay_track.js": SCRIPT,
    "report_marks.js": SCRIPT,
    "report_source.js": SCRIPT,
    "report_status.js": SCRIPT,
    "reports.css": CSS,
    "route.js": SCRIPT,
    "sightings.js": SCRIPT,
    "states.js": SCRIPT,
    "status_line.js": SCRIPT,
    "stream.js": SCRIPT,
    "strip_columns.js": SCRIPT,
    "strip_list.js": SCRIPT,
    "strip_rows.js": SCRIPT,
    "strip_table.js": SCRIPT,
    "strips.js": SCRIPT,
    "style.css": CSS,
    "theme.js": SCRIPT,
    "timeline.css": CSS,
    "timeline.js": SCRIPT,
    "timeline_bars.js": SCRIPT,
    "timeline_head.js": SCRIPT,
    "timeline_list.js": SCRIPT,
    "timeline_rows.js": SCRIPT,
    "timeline_scale.js": SCRIPT,
    "timeline_table.js": SCRIPT,
    "timeline_words.js": SCRIPT,
    "views.css": CSS,
    "yarn_links.js": SCRIPT,
};

/// The same for all files: a browser asks again whether they have changed, and they change with the program.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let whole = ASSETS.iter().flat_map(|asset| asset.2);
    // FNV-1a: it tells versions apart, nobody is to be kept from finding another text for it.
    let hash = whole.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    HeaderValue::from_str(&format!("\"{hash:016x}\"")).unwrap_or(HeaderValue::from_static("\"\""))
});

/// The frame of the page.
pub(crate) const PAGE: &str = include_str!("../../assets/index.html");

/// All files of the page: name, type, content.
pub(crate) fn page_files() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let text = |content| std::str::from_utf8(content).unwrap_or_default();
    ASSETS
        .iter()
        .map(move |Asset(name, kind, content)| (*name, *kind, text(content)))
}

/// A file of the page.
pub(super) async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let Some(Asset(_, kind, content)) = ASSETS.iter().find(|asset| asset.0 == path) else {
        return not_found("no such page");
    };
    let about = [
        (ETAG, TAG.clone()),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if headers.get(IF_NONE_MATCH) == Some(&*TAG) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(CONTENT_TYPE, *kind)], *content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_of_the_page_are_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut served: Vec<_> = ASSETS.iter().map(|asset| asset.0.to_owned()).collect();
        files.sort();
        served.sort();
        assert_eq!(files, served);
    }
}
