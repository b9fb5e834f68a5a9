//! The `watch-master` program.

fn main() {}
