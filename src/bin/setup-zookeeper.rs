//! The `setup-zookeeper` program.

fn main() {}
