//! The parser of the messages between a program and its supervisor, for the fuzz targets and the tests of the corpus.

use super::control::{Lines, Order, Report};

/// Parses lines of both sides, in pieces. Each parsed message stays the same when it is written and parsed again.
pub fn lines(bytes: &[u8]) {
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let (mut orders, mut reports) = (Lines::default(), Lines::default());
    for piece in [first, rest] {
        orders.push(piece);
        while let Some(order) = orders.next::<Order>() {
            assert_eq!(order.to_string().trim_end().parse(), Ok(order));
        }
        reports.push(piece);
        while let Some(report) = reports.next::<Report>() {
            assert_eq!(report.to_string().trim_end().parse(), Ok(report));
        }
    }
}
