//! One row of the table: a part of the cluster, where it runs, and its state.

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) part: String,
    pub(super) host: String,
    pub(super) state: String,
    pub(super) details: String,
    pub(super) well: bool,
}

impl Row {
    pub(super) fn well(
        part: &str,
        host: &str,
        state: impl Into<String>,
        details: impl Into<String>,
    ) -> Self {
        Self {
            part: part.to_owned(),
            host: host.to_owned(),
            state: state.into(),
            details: details.into(),
            well: true,
        }
    }

    pub(super) fn bad(
        part: &str,
        host: &str,
        state: impl Into<String>,
        details: impl Into<String>,
    ) -> Self {
        Self {
            well: false,
            ..Self::well(part, host, state, details)
        }
    }

    pub(super) fn judged(self, well: bool) -> Self {
        Self { well, ..self }
    }

    /// The row in words, for an output without a table.
    pub(super) fn problem(&self) -> String {
        let mut text = self.part.clone();
        if !self.host.is_empty() {
            text = format!("{text} on {}", self.host);
        }
        text = format!("{text}: {}", self.state);
        if !self.details.is_empty() {
            text = format!("{text}, {}", self.details);
        }
        text
    }
}
