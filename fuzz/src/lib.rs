//! The readers of `tests/fuzz/`, compiled once for all targets.

#[path = "../../tests/fuzz/mod.rs"]
mod readers;

/// Has the bytes read by the reader of this name.
pub fn read(name: &str, bytes: &[u8]) {
    let found = readers::READERS.iter().find(|(known, _)| *known == name);
    let (_, reader) = found.unwrap_or_else(|| panic!("no reader is called '{name}'"));
    reader(bytes);
}
