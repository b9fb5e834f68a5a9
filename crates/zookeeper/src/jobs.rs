//! Finds the jobs below a path.

use super::{Failure, Paths, Session};

impl Session {
    /// The names directly below the namespace that have members or had some, in order; at most the first `most` names are
    /// looked at. Jobs that this identity may not read are left out. Empty
    /// if the namespace does not exist.
    pub async fn jobs_below(&self, most: usize) -> Result<Vec<String>, Failure> {
        let place = self.paths().namespace().to_string();
        let root = if place.is_empty() { "/" } else { &place };
        let mut names = self.names_below(root).await?;
        names.sort_unstable();
        names.truncate(most);
        let mut jobs = Vec::new();
        for name in names {
            let Ok(namespace) = format!("{place}/{name}").parse() else {
                continue;
            };
            let master = Paths::new(namespace);
            match self.find(master.master()).await {
                Ok(Some(_)) => jobs.push(name),
                // Another identity's job hides itself alone.
                Ok(None) | Err(Failure::Refused(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(jobs)
    }
}
