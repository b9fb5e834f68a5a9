//! What one client may take from the others: messages a second, connections at once. Pure: the time is handed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::refusal::Refusal;

/// Tokens that come back with the time: who has none left is too fast.
#[derive(Clone, Debug)]
pub struct Bucket {
    most: f64,
    a_second: f64,
    left: f64,
    at: Duration,
}

impl Bucket {
    /// A full one.
    pub fn new(now: Duration, most: u32, a_second: u32) -> Self {
        Self {
            most: most.into(),
            a_second: a_second.into(),
            left: most.into(),
            at: now,
        }
    }

    /// Takes one token, if there is one.
    pub fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + passed * self.a_second).min(self.most);
        let is_there = self.left >= 1.0;
        if is_there {
            self.left -= 1.0;
        }
        is_there
    }
}

/// Who is connected.
#[derive(Debug)]
pub struct Doors {
    most: usize,
    most_of_one: usize,
    all: usize,
    of: HashMap<IpAddr, usize>,
}

impl Doors {
    /// Nobody is connected yet.
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            most,
            most_of_one,
            all: 0,
            of: HashMap::new(),
        }
    }

    /// Somebody comes.
    pub fn enter(&mut self, from: IpAddr) -> Result<(), Refusal> {
        let of_one = self.of.get(&from).copied().unwrap_or_default();
        if of_one >= self.most_of_one {
            let why = format!("{of_one} connections of {from} are open already");
            return Err(Refusal::new(why));
        }
        if self.all >= self.most {
            let why = format!("{} connections are open already", self.all);
            return Err(Refusal::new(why));
        }
        self.all += 1;
        self.of.insert(from, of_one + 1);
        Ok(())
    }

    /// Somebody who entered goes.
    pub fn leave(&mut self, from: IpAddr) {
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
    fn one_address_does_not_take_all_doors() {
        let address = |n: u8| IpAddr::from([10, 0, 0, n]);
        let mut doors = Doors::new(3, 2);
        assert!(doors.enter(address(1)).is_ok());
        assert!(doors.enter(address(1)).is_ok());
        assert!(doors.enter(address(1)).is_err());
        assert!(doors.enter(address(2)).is_ok());
        assert!(doors.enter(address(3)).is_err());
        doors.leave(address(1));
        assert!(doors.enter(address(3)).is_ok());
    }
}
