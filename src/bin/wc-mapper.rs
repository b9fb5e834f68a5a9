//! The `wc-mapper` program.

fn main() {}
