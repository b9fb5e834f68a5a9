//! The `wc-reducer` program.

fn main() {}
