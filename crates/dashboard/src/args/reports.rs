//! Which reports of the cluster `heartline serve` shows beside the jobs.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::task::LocalSet;

use crate::reports::{Report, Reports, follow};

/// What is shown of the cluster.
#[derive(Args, Clone, Debug)]
pub(super) struct ReportOptions {
    /// Show the state of the cluster of this description too, as heartline cluster status does
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    cluster: Option<PathBuf>,

    /// Show the nodes of this node control server too, as heartline nodes list does
    #[arg(long, value_name = "HOST[:PORT],…", conflicts_with = "replay")]
    nodes: Option<String>,

    /// File with the secret of the node control server
    #[arg(long, value_name = "FILE", requires = "nodes")]
    secret_file: Option<PathBuf>,

    /// Address of the pages of YARN's manager, with http:// or https://: a member then links to its application and task
    #[arg(long, value_name = "URL", conflicts_with = "replay", value_parser = url)]
    pub(super) yarn: Option<String>,
}

/// An address that may become a link.
fn url(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or(text.strip_prefix("https://"));
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>');
    match rest {
        Some(rest) if !rest.is_empty() && rest.chars().all(is_plain) => Ok(text.to_owned()),
        _ => Err("write an address like http://rm1:8088".to_owned()),
    }
}

impl ReportOptions {
    /// Begins to ask for the reports.
    pub(super) fn start(&self, tasks: &LocalSet) -> Reports {
        let word = |path: &PathBuf| path.to_string_lossy().into_owned();
        let begin = |arguments: Vec<String>| {
            let report = Arc::new(Report::default());
            tasks.spawn_local(follow(Arc::clone(&report), arguments));
            report
        };
        let cluster = self.cluster.as_ref().map(|file| {
            let fixed = ["cluster", "status", "--json", "--"].map(str::to_owned);
            begin(fixed.into_iter().chain([word(file)]).collect())
        });
        let nodes = self.nodes.as_ref().map(|servers| {
            let mut arguments = ["nodes", "list", "--json", "--server"]
                .map(str::to_owned)
                .to_vec();
            arguments.push(servers.clone());
            if let Some(file) = &self.secret_file {
                arguments.extend(["--secret-file".to_owned(), word(file)]);
            }
            begin(arguments)
        });
        Reports { cluster, nodes }
    }
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn only_addresses_of_pages_become_links() {
        assert!(url("http://rm1:8088").is_ok() && url("https://rm.example/yarn/").is_ok());
        for wrong in [
            "rm1:8088",
            "http://",
            "javascript:alert(1)",
            "http://a b",
            "http://\"x",
        ] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}
