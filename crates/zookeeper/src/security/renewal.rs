//! What lasts less long than a session: certificates that are replaced, and tickets that expire.

use std::time::Duration;

use heartline_process::off_thread::off_thread;
use tokio::time::sleep;

use super::Certificates;
use super::kerberos::fetch_tickets;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(30);

/// What has to be renewed for one session.
pub(crate) struct Renewal {
    certificates: Option<Certificates>,
    /// The servers that tickets are for; none without Kerberos.
    hosts: Vec<String>,
}

impl Renewal {
    /// `None` if nothing has to be renewed.
    pub(super) fn of(certificates: Option<Certificates>, hosts: Vec<String>) -> Option<Self> {
        let has_any = certificates.is_some() || !hosts.is_empty();
        has_any.then_some(Self {
            certificates,
            hosts,
        })
    }

    /// Renews again and again, until it is aborted.
    pub(crate) async fn run(mut self) {
        loop {
            sleep(EVERY).await;
            let renewed = off_thread(move || {
                self.renew();
                self
            });
            match renewed.await {
                Some(same) => self = same,
                None => return,
            }
        }
    }

    /// Blocks. What cannot be renewed now is told when the next session needs it.
    fn renew(&mut self) {
        if let Some(certificates) = &mut self.certificates {
            certificates.refresh();
        }
        let _ = fetch_tickets(&self.hosts);
    }
}
