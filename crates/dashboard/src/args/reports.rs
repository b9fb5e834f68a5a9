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
