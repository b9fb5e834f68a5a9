//! Pages of JSON over HTTP: the admin server of `ZooKeeper`, JMX and REST of Hadoop.

use std::io;
use std::time::Instant;

use serde::de::DeserializeOwned;
use ureq::Agent;

use super::{Silence, left};

/// No page is longer: some thousand nodes have room in it.
const MOST: u64 = 64 << 20;

/// What stands at `http://PLACE`, if it is there by `end`. Redirections are not followed: the next one is asked itself.
pub fn page<T: DeserializeOwned>(place: &str, end: Instant) -> Result<T, Silence> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(left(end)))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        // Servers of a cluster are asked themselves, whatever stands between here and the world.
        .proxy(None)
        .build()
        .into();
    let mut answer = agent.get(format!("http://{place}")).call()?;
    let status = answer.status();
    if !status.is_success() {
        return Err(Silence::Broken(format!("answers with HTTP {status}")));
    }
    let text = answer.body_mut().with_config().limit(MOST).read_to_vec()?;
    serde_json::from_slice(&text)
        .map_err(|error| Silence::Broken(format!("answers something else: {error}")))
}

impl From<ureq::Error> for Silence {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Slow,
            ureq::Error::HostNotFound => Self::Unknown,
            // What the resolver says has no number; what the operating system says has one.
            ureq::Error::Io(error)
                if error.raw_os_error().is_none() && error.kind() == io::ErrorKind::Other =>
            {
                Self::Unknown
            }
            ureq::Error::Io(error) => error.into(),
            other => Self::Broken(other.to_string()),
        }
    }
}
