//! The jobs that are shown: further ones may be found while others are shown. The number of a job never changes.

use std::sync::{Arc, PoisonError, RwLock};

use crate::job::Job;

/// Maximum number of jobs: each has a session with ZooKeeper.
pub(crate) const MOST_JOBS: usize = 100;

/// All jobs, by their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobList {
    jobs: Arc<RwLock<Vec<Arc<Job>>>>,
}

impl JobList {
    /// The jobs as they are now.
    pub(crate) fn all(&self) -> Vec<Arc<Job>> {
        let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
        jobs.clone()
    }

    /// The job with this number.
    pub(crate) fn get(&self, number: usize) -> Option<Arc<Job>> {
        let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
        jobs.get(number).cloned()
    }

    /// Whether a job of this name may be added: it is new, and there is room.
    pub(crate) fn takes(&self, namespace: &str) -> bool {
        let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
        jobs.len() < MOST_JOBS && jobs.iter().all(|job| job.namespace() != namespace)
    }

    /// Adds a job.
    pub(crate) fn add(&self, job: Arc<Job>) {
        let mut jobs = self.jobs.write().unwrap_or_else(PoisonError::into_inner);
        jobs.push(job);
    }
}
