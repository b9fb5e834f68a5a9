//! The `watch-slave` program.

fn main() {}
