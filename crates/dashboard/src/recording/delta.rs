//! The details of members as differences from those before, since most of them stay as they are. Pure.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// What was told of each member last, by its index.
#[derive(Debug, Default)]
pub(crate) struct RowDeltas {
    rows: HashMap<u64, Map<String, Value>>,
}

impl RowDeltas {
    /// Takes a snapshot: what follows are differences from it.
    pub(crate) fn snapshot(&mut self, snapshot: &Value) {
        self.rows.clear();
        for row in snapshot["members"].as_array().into_iter().flatten() {
            if let (Some(index), Some(row)) = (row["index"].as_u64(), row.as_object()) {
                let mut row = row.clone();
                // The cells of the last minute are no details.
                row.remove("states");
                row.remove("beats");
                self.rows.insert(index, row);
            }
        }
    }

    /// Replaces the rows of a tick by what has changed in each: a field that is gone is null.
    pub(crate) fn tick(&mut self, tick: &mut Value) {
        let rows = tick.get_mut("rows").and_then(Value::as_array_mut);
        for row in rows.into_iter().flatten() {
            let Some(index) = row["index"].as_u64() else {
                continue;
            };
            let Value::Object(row) = row else { continue };
            let known = self.rows.entry(index).or_default();
            let mut changed = Map::new();
            changed.insert("index".to_owned(), index.into());
            for (key, value) in &*row {
                if known.get(key) != Some(value) {
                    changed.insert(key.clone(), value.clone());
                }
            }
            for key in known.keys().filter(|key| !row.contains_key(*key)) {
                changed.insert(key.clone(), Value::Null);
            }
            *known = std::mem::replace(row, changed);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let mut deltas = RowDeltas::default();
        deltas.snapshot(&json!({"members": [{"index": 0, "node": "a", "n": 1, "states": "ww"}]}));
        let mut tick = json!({"states": "ww", "rows": [
            {"index": 0, "node": "a", "n": 2},
            {"index": 1, "node": "b", "gone": true},
        ]});
        deltas.tick(&mut tick);
        assert_eq!(
            tick["rows"],
            json!([{"index": 0, "n": 2}, {"index": 1, "node": "b", "gone": true}])
        );
        let mut tick = json!({"rows": [{"index": 1, "node": "b"}]});
        deltas.tick(&mut tick);
        assert_eq!(tick["rows"], json!([{"index": 1, "gone": null}]));
        let mut tick = json!({"rows": [{"index": 1, "node": "b"}, {"odd": 1}, 5]});
        deltas.tick(&mut tick);
        assert_eq!(tick["rows"], json!([{"index": 1}, {"odd": 1}, 5]));
    }
}
