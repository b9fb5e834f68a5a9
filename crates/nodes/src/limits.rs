//! Limits on what one client may take from the others: messages per second, open connections, log lines. Pure: the
//! caller passes the time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::rejection::Rejection;

/// The number of log lines about one address that may come at once; one more is allowed after each interval below.
const LINES: u32 = 100;
const A_LINE: Duration = Duration::from_secs(2);
/// The number of addresses whose log lines are counted separately.
const TALKERS: usize = 1024;

/// The address that stands for a client: an `IPv6` client owns its whole /64 prefix.
fn party(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// A token bucket that refills with time; a client without tokens is too fast.
#[derive(Clone, Debug)]
pub struct Bucket {
    most: f64,
    a_second: f64,
    left: f64,
    at: Duration,
}

impl Bucket {
    /// A full bucket.
    pub fn new(now: Duration, most: u32, a_second: u32) -> Self {
        Self {
            most: most.into(),
            a_second: a_second.into(),
            left: most.into(),
            at: now,
        }
    }

    /// Takes one token. Returns whether there was one.
    pub fn take(&mut self, now: Duration) -> bool {
        self.fill(now);
        let is_there = self.left >= 1.0;
        if is_there {
            self.left -= 1.0;
        }
        is_there
    }

    /// Whether the bucket has been left alone for long enough to be full again.
    fn is_full(&mut self, now: Duration) -> bool {
        self.fill(now);
        self.left >= self.most
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + passed * self.a_second).min(self.most);
    }
}

/// Limits the log lines about clients: after many lines about one client, most further lines are only counted.
#[derive(Debug, Default)]
pub struct Complaints {
    of: HashMap<IpAddr, LogBudget>,
}

#[derive(Debug)]
struct LogBudget {
    bucket: Bucket,
    unsaid: u64,
}

impl Complaints {
    /// Whether to log a line about this address. If not, the line is counted.
    pub fn may_say(&mut self, now: Duration, about: IpAddr) -> bool {
        let mut about = party(about);
        if self.of.len() >= TALKERS && !self.of.contains_key(&about) {
            self.clear(now);
            if self.of.len() >= TALKERS {
                // All further addresses share one entry.
                about = Ipv6Addr::UNSPECIFIED.into();
            }
        }
        let talker = self.of.entry(about).or_insert_with(|| LogBudget {
            bucket: Bucket {
                a_second: A_LINE.as_secs_f64().recip(),
                ..Bucket::new(now, LINES, 0)
            },
            unsaid: 0,
        });
        let may = talker.bucket.take(now);
        talker.unsaid += u64::from(!may);
        may
    }

    /// The numbers of suppressed lines since the last call.
    pub fn take_unsaid(&mut self, now: Duration) -> Vec<(IpAddr, u64)> {
        let unsaid = self.of.iter_mut().filter(|(_, talker)| talker.unsaid > 0);
        let unsaid = unsaid.map(|(about, talker)| (*about, std::mem::take(&mut talker.unsaid)));
        let unsaid = unsaid.collect();
        self.clear(now);
        unsaid
    }

    /// Drops the entries that hold no information any more.
    fn clear(&mut self, now: Duration) {
        self.of
            .retain(|_, talker| talker.unsaid > 0 || !talker.bucket.is_full(now));
    }
}

/// The most clients whose handshakes are counted separately: more than a server has connections.
const SHAKERS: usize = 1 << 14;

/// Limits how often a client may begin a handshake by TLS, which costs the server a signature.
#[derive(Debug)]
pub struct HandshakeRates {
    a_second: u32,
    of: HashMap<IpAddr, Bucket>,
}

impl HandshakeRates {
    /// Each client may begin this many handshakes a second, and twice as many at once.
    pub fn new(a_second: u32) -> Self {
        Self {
            a_second,
            of: HashMap::new(),
        }
    }

    /// Counts a handshake, or rejects it.
    pub fn begin(&mut self, now: Duration, from: IpAddr) -> Result<(), Rejection> {
        let mut from = party(from);
        if self.of.len() >= SHAKERS && !self.of.contains_key(&from) {
            self.of.retain(|_, bucket| !bucket.is_full(now));
            if self.of.len() >= SHAKERS {
                // All further clients share one entry.
                from = Ipv6Addr::UNSPECIFIED.into();
            }
        }
        let a_second = self.a_second;
        let full = || Bucket::new(now, a_second.saturating_mul(2), a_second);
        if self.of.entry(from).or_insert_with(full).take(now) {
            return Ok(());
        }
        Err(Rejection::new(format!(
            "more than {a_second} handshakes by TLS a second"
        )))
    }
}

/// The open connections, by client.
#[derive(Debug)]
pub struct ConnectionLimits {
    most: usize,
    most_of_one: usize,
    all: usize,
    of: HashMap<IpAddr, usize>,
}

impl ConnectionLimits {
    /// A count with no open connections.
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            most,
            most_of_one,
            all: 0,
            of: HashMap::new(),
        }
    }

    /// Counts a new connection, or rejects it.
    pub fn enter(&mut self, from: IpAddr) -> Result<(), Rejection> {
        let from = party(from);
        let of_one = self.of.get(&from).copied().unwrap_or_default();
        if of_one >= self.most_of_one {
            let net = if from.is_ipv6() { "/64" } else { "" };
            let why = format!("{of_one} connections of {from}{net} are open already");
            return Err(Rejection::new(why));
        }
        if self.all >= self.most {
            let why = format!("{} connections are open already", self.all);
            return Err(Rejection::new(why));
        }
        self.all += 1;
        self.of.insert(from, of_one + 1);
        Ok(())
    }

    /// Removes a connection that was counted by `enter`.
    pub fn leave(&mut self, from: IpAddr) {
        let from = party(from);
        self.all = self.all.saturating_sub(1);
        match self.of.get_mut(&from) {
            Some(1) | None => {
                self.of.remove(&from);
            }
            Some(count) => *count -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_with_the_time() {
        let mut bucket = Bucket::new(Duration::ZERO, 3, 10);
        let taken = (0..5).filter(|_| bucket.take(Duration::ZERO)).count();
        assert_eq!(taken, 3);
        assert!(!bucket.take(Duration::from_millis(90)));
        assert!(bucket.take(Duration::from_millis(190)));
        let later = Duration::from_secs(100);
        assert_eq!((0..9).filter(|_| bucket.take(later)).count(), 3);
    }

    #[test]
    fn one_address_does_not_take_all_handshakes() {
        let address = |n: u32| IpAddr::V4(n.into());
        let mut rates = HandshakeRates::new(3);
        let mut begin = |at: u64, n: u32| rates.begin(Duration::from_millis(at), address(n));
        let taken = (0..9).filter(|_| begin(0, 1).is_ok()).count();
        assert_eq!(taken, 6);
        let why = begin(300, 1).unwrap_err().to_string();
        assert_eq!(why, "more than 3 handshakes by TLS a second");
        assert_eq!(begin(0, 2), Ok(()));
        assert_eq!(begin(340, 1), Ok(()));
        // Beyond the bound the others share one, and those at rest make room.
        for n in 3..20_000 {
            let _ = begin(400, n);
        }
        assert!(begin(400, 30_000).is_err());
        assert_eq!(begin(9000, 30_000), Ok(()));
        assert!(rates.of.len() <= SHAKERS + 1);
    }

    #[test]
    fn one_address_does_not_take_all_connections() {
        let address = |n: u8| IpAddr::from([10, 0, 0, n]);
        let mut limits = ConnectionLimits::new(3, 2);
        assert!(limits.enter(address(1)).is_ok());
        assert!(limits.enter(address(1)).is_ok());
        assert!(limits.enter(address(1)).is_err());
        assert!(limits.enter(address(2)).is_ok());
        assert!(limits.enter(address(3)).is_err());
        limits.leave(address(1));
        assert!(limits.enter(address(3)).is_ok());
    }

    #[test]
    fn an_ipv6_network_gets_no_more_connections_than_one_address() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let mut limits = ConnectionLimits::new(9, 2);
        assert!(limits.enter(address("2001:db8::1")).is_ok());
        assert!(limits.enter(address("2001:db8::ffff:2")).is_ok());
        let why = limits.enter(address("2001:db8::3")).expect_err("too many");
        assert!(why.to_string().contains("of 2001:db8::/64"), "{why}");
        assert!(limits.enter(address("2001:db8:0:1::3")).is_ok());
        limits.leave(address("2001:db8::1"));
        assert!(limits.enter(address("2001:db8::3")).is_ok());
        for n in 1..=2 {
            assert!(limits.enter(address(&format!("::ffff:10.0.0.{n}"))).is_ok());
        }
    }

    #[test]
    fn nobody_fills_the_log() {
        let address = |n: u32| IpAddr::V4(n.into());
        let now = Duration::from_secs(1);
        let mut complaints = Complaints::default();
        let said = (0..3000).filter(|_| complaints.may_say(now, address(1)));
        assert_eq!(said.count(), LINES as usize);
        assert!(complaints.may_say(now, address(2)), "another one");
        let unsaid = complaints.take_unsaid(now);
        assert_eq!(unsaid, [(address(1), 3000 - u64::from(LINES))]);
        assert!(complaints.take_unsaid(now).is_empty(), "reported once");
        let now = now + A_LINE;
        assert!(complaints.may_say(now, address(1)));
        assert!(!complaints.may_say(now, address(1)));
        // This holds for any number of addresses.
        let said = (0..10_000).filter(|n| complaints.may_say(now, address(*n)));
        assert!(said.count() <= TALKERS + LINES as usize);
        assert!(complaints.of.len() <= TALKERS + 1);
        complaints.take_unsaid(now + A_LINE * LINES * 2);
        assert!(complaints.of.is_empty());
    }
}
