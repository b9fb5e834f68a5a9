//! The renewal of a ticket while a session lasts, without a new connection.

use std::process::Command;

use chrono::NaiveDateTime;

use super::*;

/// The life of a ticket: the Kerberos library gets another one by a keytab after half of it, when it is asked. heartline
/// asks each 30 s, so the first time that it asks, it is after the half.
const LIFE_OF_A_TICKET: &str = " ticket_lifetime = 55s\n";
/// The time for that first time, on a busy machine.
const RENEWED_WITHIN: Duration = Duration::from_secs(50);

/// When the ticket-granting ticket of a cache begins and ends; `None` while there is none.
fn life(ticket: &Ticket) -> Option<(NaiveDateTime, NaiveDateTime)> {
    let starter = ticket.starter();
    let output = Command::new("env")
        .args(&starter[1..])
        .args(["LC_ALL=C", "klist"])
        .output()
        .expect("klist runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("krbtgt/"))?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let time = |day: usize| {
        let text = format!("{} {}", words.get(day)?, words.get(day + 1)?);
        NaiveDateTime::parse_from_str(&text, "%m/%d/%y %H:%M:%S").ok()
    };
    let both = time(0).zip(time(2));
    assert!(both.is_some(), "klist writes other times: {text}");
    both
}

#[test]
fn a_new_ticket_is_there_before_the_old_one_ends() {
    if let Some(missing) = no_kerberos() {
        leave_out!("{missing}");
    }
    let realm = Realm::found();
    let zookeeper = realm.zookeeper(&[], &[]);
    let keytab = realm.by_keytab("job");
    let keytab = keytab.with(
        "KRB5_CONFIG",
        &realm.configured("short.conf", LIFE_OF_A_TICKET),
    );
    let mut member = mapper(&keytab, &zookeeper.address(), "map1", &[GSSAPI]);
    wait_until("the member has a session", SOON, || {
        logins(&zookeeper, "job") == 1
    });
    let (begin, end) = life(&keytab).expect("it has a session");
    let mut next = (begin, end);
    wait_until("there is another ticket", RENEWED_WITHIN, || {
        next = life(&keytab).unwrap_or(next);
        next.0 > begin
    });
    // By the times that the KDC has written into the tickets.
    assert!(
        next.0 < end && next.1 > end,
        "{begin} to {end}, then {next:?}"
    );
    assert_eq!(logins(&zookeeper, "job"), 1, "{}", zookeeper.log());
    member.feed(b"one two\n");
    assert_one_two(member);
}
