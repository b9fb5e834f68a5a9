//! The umbilical of a YARN task: the Java process that started this program as a streaming process uses it to report to
//! the job's application master, in Hadoop's own RPC.
//!
//! By design, a streaming process does not use it. But it has access to what its Java process uses: the
//! master's address on the command line of that Java process, which is an ancestor, and the job's token in the file
//! that Hadoop names to each process of a task. Nothing else is used, and the token is never sent: it only answers the
//! master's challenge.
//!
//! Only one message is sent: that this attempt has failed, and why (`fatalError`). Hadoop shows it in the attempt's
//! diagnostics, and tries again at once.
//!
//! - `parent` finds the master's address, `credentials` the job's token.
//! - `attempt` and `call` are the content of the message, in the formats of `writable`.
//! - `frame` and `digest` are the transport: Hadoop's RPC, version 9, and DIGEST-MD5. `layer` protects its messages, by
//!   the ciphers in `cipher`, as `protection` asks for.
//! - `dialog` is the conversation, over a `channel` on any stream; `line` is a connection with a time limit.

mod attempt;
mod call;
mod channel;
mod cipher;
mod credentials;
mod dialog;
mod digest;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod layer;
mod line;
mod parent;
mod protection;
#[cfg(test)]
mod testing;
mod writable;

use std::env;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use thiserror::Error;
use uuid::Uuid;

use self::attempt::AttemptId;
use self::credentials::Token;
use self::dialog::{Chance, DialogError};
use self::line::Line;
use self::parent::Master;
use self::protection::Protection;
use heartline_core::text;
use heartline_process::files::{self, Links};

/// The environment variable with the path of the token file; YARN sets it for everything it starts.
const TOKENS: &str = "HADOOP_TOKEN_FILE_LOCATION";

/// Hadoop Streaming sets each property of the job as an environment variable; this is `hadoop.rpc.protection`.
const PROTECTION: &str = "hadoop_rpc_protection";

/// The largest token file, in bytes: far more than the tokens of any job.
const TOKENS_LIMIT: u64 = 16 << 20;

/// Why the report did not reach the application master.
#[derive(Debug, Error)]
pub enum UmbilicalError {
    /// There is no application master: this is not a task of YARN.
    #[error("this process does not run in a YARN task")]
    NoMaster,
    /// There is an application master, but no proof that this is its task.
    #[error("cannot get the job's token: {0}")]
    NoToken(String),
    /// The job's configuration asks for a protection that Hadoop does not have either.
    #[error(
        "hadoop.rpc.protection is '{0}': it takes authentication, integrity and privacy, separated by commas"
    )]
    Protection(String),
    /// The application master did not accept the report.
    #[error("{0}")]
    Refused(#[from] DialogError),
}

/// Reports to the application master of this task that `attempt` has failed, and why. Once that is answered, the
/// attempt *has* failed for Hadoop. Takes no longer than `limit`, unless name resolution does.
pub fn fail_attempt(attempt: &str, reason: &str, limit: Duration) -> Result<(), UmbilicalError> {
    let until = Instant::now() + limit;
    let id: AttemptId = attempt.parse().map_err(|()| UmbilicalError::NoMaster)?;
    let master = Master::of_process(attempt).ok_or(UmbilicalError::NoMaster)?;
    let token = token(&id).map_err(UmbilicalError::NoToken)?;
    let least = protection()?;
    let mut line = Line::open(&master, until).map_err(DialogError::from)?;
    let chance = Chance {
        nonce: Uuid::new_v4().simple().to_string(),
        client: Uuid::new_v4().into_bytes(),
    };
    dialog::fail(&mut line, &token, least, &chance, (&id, reason))?;
    Ok(())
}

/// The least protection of messages that the job's configuration permits. What the application master demands beyond
/// that is done anyway.
fn protection() -> Result<Protection, UmbilicalError> {
    let Some(value) = env::var_os(PROTECTION) else {
        return Ok(Protection::Authentication);
    };
    let value = value.to_string_lossy();
    Protection::least(&value)
        .ok_or_else(|| UmbilicalError::Protection(text::line(&value).into_owned()))
}

/// The token of the attempt's job.
fn token(attempt: &AttemptId) -> Result<Token, String> {
    let path: PathBuf = env::var_os(TOKENS)
        .ok_or_else(|| format!("{TOKENS} is not set"))?
        .into();
    // YARN names a file that all processes of a task may read again, so it is not a pipe.
    let bytes = files::read(&path, Links::Followed, TOKENS_LIMIT)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let tokens = credentials::tokens(&bytes)
        .ok_or_else(|| format!("{} is not a token file", path.display()))?;
    tokens
        .into_iter()
        .find(|token| token.is_of_job(&attempt.job()))
        .ok_or_else(|| format!("{} has no token for {}", path.display(), attempt.job()))
}
