//! Decisions and values of heartline, without IO; time is an argument.
//!
//! - [`detect`]: the failure detector; arrivals in, overdue members out.
//! - [`condition`]: why a command stands still; samples in, a condition and stalls out.
//! - [`protocol`]: the values of the znodes as text: beats, claims, reports, events, requests.
//! - [`master`]: the election, the watch over the predecessor, the takeover, and the master itself ([`master::state`]).
//! - [`backoff`]: how long to wait between two attempts.
//! - [`clock`]: time as a value, [`clock::Now`], which decisions get as an argument; and the machine's clock.
//! - [`text`]: cleans texts of others before they are shown.
//! - [`template`]: a command line with places that are filled before it runs.

pub mod backoff;
pub mod clock;
pub mod condition;
pub mod detect;
pub mod master;
pub mod protocol;
pub mod template;
pub mod text;
