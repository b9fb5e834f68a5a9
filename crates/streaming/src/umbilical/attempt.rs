//! The id of a task attempt, split into the parts that Hadoop sends.

use std::str::FromStr;

use super::writable::put_text;

/// `attempt_<cluster>_<job>_<m|r>_<task>_<attempt>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AttemptId {
    cluster: String,
    /// As written, with leading zeros.
    job: String,
    kind: &'static str,
    task: i32,
    attempt: i32,
}

impl FromStr for AttemptId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = text.split('_').collect();
        let [word, cluster, job, kind, task, attempt] = parts[..] else {
            return Err(());
        };
        let number = |digits: &str| digits.parse().ok().filter(|number| *number >= 0).ok_or(());
        number(job)?;
        Ok(Self {
            cluster: (word == "attempt" && !cluster.is_empty())
                .then(|| cluster.to_owned())
                .ok_or(())?,
            job: job.to_owned(),
            kind: match kind {
                "m" => "MAP",
                "r" => "REDUCE",
                // Hadoop has other task types, which do not run streaming.
                _ => return Err(()),
            },
            task: number(task)?,
            attempt: number(attempt)?,
        })
    }
}

impl AttemptId {
    /// The id of the attempt's job.
    pub(super) fn job(&self) -> String {
        format!("job_{}_{}", self.cluster, self.job)
    }

    /// Writes the id like `TaskAttemptID.write`.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        // Always a number: `from_str` checks it.
        let job: i32 = self.job.parse().unwrap_or_default();
        for number in [self.attempt, self.task, job] {
            out.extend(number.to_be_bytes());
        }
        put_text(out, &self.cluster);
        put_text(out, self.kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_sent_as_hadoop_does() {
        let sent = |text: &str| {
            let mut out = Vec::new();
            text.parse::<AttemptId>().unwrap().put(&mut out);
            out
        };
        // Written by Hadoop 3.4.2.
        assert_eq!(
            sent("attempt_1795260688574_0001_m_000002_0"),
            b"\0\0\0\0\0\0\0\x02\0\0\0\x01\x0d1795260688574\x03MAP"
        );
        assert_eq!(
            sent("attempt_local12_0034_r_000005_1007"),
            b"\0\0\x03\xef\0\0\0\x05\0\0\0\x22\x07local12\x06REDUCE"
        );
    }

    #[test]
    fn the_job_is_named_as_hadoop_does() {
        let id: AttemptId = "attempt_1795260688574_0001_m_000002_0".parse().unwrap();
        assert_eq!(id.job(), "job_1795260688574_0001");
    }

    #[test]
    fn what_is_no_attempt_is_none() {
        for text in [
            "",
            "attempt",
            "task_1_0001_m_000002",
            "task_1_0001_m_000002_0",
            "attempt_1_0001_x_000002_0",
            "attempt_1_0001_m_000002_-1",
            "attempt_1_0001_m_000002_0_0",
            "attempt__0001_m_000002_0",
            "attempt_1_one_m_000002_0",
        ] {
            assert_eq!(text.parse::<AttemptId>(), Err(()), "{text}");
        }
    }
}
