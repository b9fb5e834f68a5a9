//! Parsers of what a `ZooKeeper` server reports, for the fuzz targets and the tests of the corpus.

use super::facts::{Facts, Said};
use super::{Row, line, table};

/// Parses an answer to a four-letter word, and one of an admin server, and shows both.
pub fn facts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut facts = Facts::default();
    let words = Said::of(&text);
    let admin = serde_json::from_slice(bytes).map(|answer| Said::of_admin(&answer));
    for said in [Some(words), admin.ok()].into_iter().flatten() {
        if let Said::Facts(more) = said {
            facts.add(*more);
        }
    }
    let row = Row {
        host: "zk1".to_owned(),
        facts,
    };
    let _ = (line(&row), table::lines(std::slice::from_ref(&row)));
    assert!(serde_json::to_string(&row).is_ok(), "it has a JSON");
}
