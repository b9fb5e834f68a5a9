//! Opens sessions with one ensemble, one after the other: limits each attempt, pauses between attempts, and says why an
//! attempt failed. Every program of heartline opens its sessions here; a simulation replaces the [`Opener`].

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{Address, Diagnosis, Failure, Session, Settings};
use heartline_core::backoff::Backoff;

/// How long the first attempt may take, for each server of the address. The client alone would wait for two fifths of
/// the session timeout: with long sessions, a server that was just starting would be waited for long after it is up.
const FIRST_LIMIT: Duration = Duration::from_secs(2);
/// The limit doubles with each attempt that a server accepted and did not answer in time, up to this for each server.
const LONGEST_LIMIT: Duration = Duration::from_secs(30);

/// The pause after the first failed attempt; it doubles after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: a member beats within about a second of the return of ZooKeeper.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
/// The pause for a ZooKeeper that is too old: somebody has to upgrade it first.
const OLD_PAUSE: Duration = Duration::from_secs(5);

/// The pause after refused credentials: somebody has to correct them first.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

/// The longest session timeout that is asked of slow servers, unless the settings ask for more.
const LONGEST_SESSION: Duration = Duration::from_secs(30);

/// A boxed future.
pub type Deferred<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How a session is opened, and a failure explained: with real servers or with simulated ones.
pub trait Opener: Send + Sync {
    /// Opens a session. Tries each server once.
    fn open(&self, settings: &Settings) -> Deferred<Result<Session, Failure>>;

    /// Finds out why no session could be opened.
    fn diagnose(&self, settings: &Settings) -> Deferred<Diagnosis>;

    /// Returns a diagnosis if the servers give sessions but are too old for heartline.
    fn find_old(&self, address: &Address) -> Deferred<Option<Diagnosis>>;
}

/// The [`Opener`] for real servers.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealServers;

impl Opener for RealServers {
    fn open(&self, settings: &Settings) -> Deferred<Result<Session, Failure>> {
        let settings = settings.clone();
        Box::pin(async move { Session::open(&settings).await })
    }

    fn diagnose(&self, settings: &Settings) -> Deferred<Diagnosis> {
        let settings = settings.clone();
        Box::pin(async move { Diagnosis::of(&settings).await })
    }

    fn find_old(&self, address: &Address) -> Deferred<Option<Diagnosis>> {
        let address = address.clone();
        Box::pin(async move { Diagnosis::of_age(&address).await })
    }
}

/// Opens sessions with one ensemble.
#[derive(Clone)]
pub struct Connector {
    settings: Settings,
    /// The number of attempts so far.
    attempts: usize,
    opener: Arc<dyn Opener>,
    refuses_old: bool,
    lengthens: bool,
    /// How long the next attempt may take, for each server.
    limit: Duration,
    backoff: Backoff,
    /// The least that the next pause lasts.
    rest: Duration,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("settings", &self.settings)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Opens sessions with real servers.
    pub fn new(settings: Settings) -> Self {
        Self::with(settings, Arc::new(RealServers))
    }

    /// Opens sessions by `opener`.
    pub fn with(settings: Settings, opener: Arc<dyn Opener>) -> Self {
        Self {
            settings,
            attempts: 0,
            opener,
            refuses_old: true,
            lengthens: false,
            limit: FIRST_LIMIT,
            backoff: Backoff::between(FIRST_PAUSE, LONGEST_PAUSE),
            rest: Duration::ZERO,
        }
    }

    /// Accepts servers of any age, and saves the connection that asks for the version. For a program that writes at
    /// once, since an old server refuses the first write, and for a program that only reads.
    #[must_use]
    pub fn of_any_age(self) -> Self {
        Self {
            refuses_old: false,
            ..self
        }
    }

    /// Asks servers that do not answer in time for longer and longer sessions, up to 30 s. The client allows each
    /// answer two fifths of the session timeout, so a busier server would never give a session. For programs without
    /// ephemeral znodes: a longer session delays nothing but its own notice of a silent server.
    #[must_use]
    pub fn lengthening(self) -> Self {
        Self {
            lengthens: true,
            ..self
        }
    }

    /// The servers.
    pub fn address(&self) -> &Address {
        &self.settings.address
    }

    /// Attempts once to open a session; returns why there is none. Each attempt begins with another server, so that
    /// one that never answers does not use up the time of all attempts.
    ///
    /// # Cancellation safety
    /// When the future is dropped, a session that was being opened ends by its timeout.
    pub async fn attempt(&mut self) -> Result<Session, Diagnosis> {
        let servers = u32::try_from(self.settings.address.servers().len()).unwrap_or(u32::MAX);
        let limit = self.limit.saturating_mul(servers.max(1));
        let mut settings = self.settings.clone();
        settings.address.begin_with(self.attempts);
        self.attempts = self.attempts.wrapping_add(1);
        let opened = timeout(limit, self.opener.open(&settings)).await;
        let address = &self.settings.address;
        if let Ok(Ok(session)) = opened {
            // Who speaks TLS is not that old, and does not answer without it.
            if self.refuses_old
                && self.settings.security.ca.is_none()
                && let Some(old) = self.opener.find_old(address).await
            {
                self.rest_for(OLD_PAUSE);
                return Err(old);
            }
            self.limit = FIRST_LIMIT;
            return Ok(session);
        }
        if let Ok(Err(Failure::Refused(why))) = opened {
            self.rest_for(REFUSED_PAUSE);
            return Err(Diagnosis::refused(why));
        }
        let diagnosis = self.opener.diagnose(&self.settings).await;
        if !diagnosis.is_settled() {
            if opened.is_err() {
                self.limit = LONGEST_LIMIT.min(self.limit.saturating_mul(2));
            }
            if self.lengthens {
                let timeout = self.settings.session_timeout;
                let longest = timeout.max(LONGEST_SESSION);
                self.settings.session_timeout = longest.min(timeout.saturating_mul(2));
            }
        }
        Err(diagnosis)
    }

    /// Waits before the next attempt, for longer after each failed one: 100 ms to 800 ms.
    ///
    /// # Cancellation safety
    /// When the future is dropped, the rest of the pause is skipped.
    pub async fn pause(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        sleep(self.backoff.next_wait().max(rest)).await;
    }

    /// The next pause lasts at least this long: the cause will not go away sooner.
    pub fn rest_for(&mut self, rest: Duration) {
        self.rest = rest;
    }

    /// A session was of use: the next pause is the first one again.
    pub fn is_well(&mut self) {
        self.backoff.reset();
    }

    /// Opens a session, however long that takes. Calls `failed` with the reason of each failed attempt.
    pub async fn connect<E>(
        &mut self,
        mut failed: impl FnMut(&Diagnosis) -> Result<(), E>,
    ) -> Result<Session, E> {
        loop {
            match self.attempt().await {
                Ok(session) => {
                    self.is_well();
                    return Ok(session);
                }
                Err(diagnosis) => failed(&diagnosis)?,
            }
            self.pause().await;
        }
    }

    /// Opens a session for a person who waits for it: a server that accepts connections gets the time `limit` to
    /// come up.
    pub async fn connect_within(&mut self, limit: Duration) -> Result<Session, Diagnosis> {
        let deadline = Instant::now() + limit;
        loop {
            let diagnosis = match self.attempt().await {
                Ok(session) => return Ok(session),
                Err(diagnosis) => diagnosis,
            };
            if diagnosis.is_settled() || Instant::now() >= deadline {
                return Err(diagnosis);
            }
            self.pause().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::Security;

    /// Servers that accept connections and never answer, or that nothing listens on.
    struct Silent {
        accepts: bool,
        asked: Mutex<Vec<Settings>>,
    }

    impl Opener for Silent {
        fn open(&self, settings: &Settings) -> Deferred<Result<Session, Failure>> {
            self.asked.lock().unwrap().push(settings.clone());
            if self.accepts {
                return Box::pin(std::future::pending());
            }
            Box::pin(std::future::ready(Err(Failure::Lost)))
        }

        fn diagnose(&self, settings: &Settings) -> Deferred<Diagnosis> {
            let address = &settings.address;
            let diagnosis = if self.accepts {
                Diagnosis::no_session(address)
            } else {
                Diagnosis::nothing_listens(address)
            };
            Box::pin(std::future::ready(diagnosis))
        }

        fn find_old(&self, _: &Address) -> Deferred<Option<Diagnosis>> {
            Box::pin(std::future::ready(None))
        }
    }

    fn connector(address: &str, accepts: bool) -> (Connector, Arc<Silent>) {
        let silent = Arc::new(Silent {
            accepts,
            asked: Mutex::default(),
        });
        let settings = Settings {
            address: address.parse().unwrap(),
            namespace: "/".parse().unwrap(),
            session_timeout: Duration::from_secs(60),
            security: Security::default(),
        };
        (Connector::with(settings, silent.clone()), silent)
    }

    async fn took(connector: &mut Connector) -> u64 {
        let begin = Instant::now();
        assert!(connector.attempt().await.is_err());
        begin.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_ends_long_before_a_long_session_would() {
        let (mut connector, _) = connector("one:1", true);
        let mut all = Vec::new();
        for _ in 0..6 {
            all.push(took(&mut connector).await);
        }
        assert_eq!(all, [2, 4, 8, 16, 30, 30]);
    }

    #[tokio::test(start_paused = true)]
    async fn each_attempt_begins_with_another_server() {
        let (mut connector, silent) = connector("one:1,two:2,three:3", true);
        for _ in 0..4 {
            took(&mut connector).await;
        }
        let asked = silent.asked.lock().unwrap();
        let first = asked.iter().map(|settings| settings.address.hosts());
        let first: Vec<String> = first.collect();
        let expected = [
            "one:1,two:2,three:3",
            "two:2,three:3,one:1",
            "three:3,one:1,two:2",
            "one:1,two:2,three:3",
        ];
        assert_eq!(first, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_asks_for_it_gets_a_longer_session() {
        for lengthens in [false, true] {
            let (mut connector, silent) = connector("one:1", true);
            connector.settings.session_timeout = Duration::from_secs(6);
            if lengthens {
                connector = connector.lengthening();
            }
            for _ in 0..4 {
                took(&mut connector).await;
            }
            let asked = silent.asked.lock().unwrap();
            let asked: Vec<u64> = asked.iter().map(|s| s.session_timeout.as_secs()).collect();
            let expected = if lengthens {
                [6, 12, 24, 30]
            } else {
                [6, 6, 6, 6]
            };
            assert_eq!(asked, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_waits_for_who_accepts_and_not_for_nobody() {
        let limit = Duration::from_secs(5);
        for (accepts, least) in [(false, 0), (true, 5)] {
            let (mut connector, _) = connector("one:1", accepts);
            let begin = Instant::now();
            assert!(connector.connect_within(limit).await.is_err());
            let took = begin.elapsed().as_secs();
            assert!((least..=least + 2).contains(&took), "{accepts}: {took} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_until_a_session_was_of_use() {
        let (mut connector, _) = connector("one:1", false);
        let begin = Instant::now();
        for _ in 0..5 {
            connector.pause().await;
        }
        assert_eq!(begin.elapsed(), Duration::from_millis(2300));
        connector.is_well();
        let begin = Instant::now();
        connector.pause().await;
        assert_eq!(begin.elapsed(), FIRST_PAUSE);
    }
}
