//! Writes a file in its place: not in one step, but to its end or as if nothing had been written.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

/// Writes `new` over `old`, which is what the file says.
pub(super) fn write(path: &Path, old: &[u8], new: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    reserve(&file, old.len(), new.len())?;
    put(&file, new).or_else(|error| match put(&file, old) {
        Ok(()) => Err(error),
        Err(worse) => Err(io::Error::new(
            error.kind(),
            format!("{error}; and what it said cannot be put back: {worse}"),
        )),
    })
}

/// Room on the disk comes first: what is there is not touched before all that is new can be there.
fn reserve(file: &File, old: usize, new: usize) -> io::Result<()> {
    let Some(more) = new.checked_sub(old).filter(|more| *more > 0) else {
        return Ok(());
    };
    match fallocate(file, FallocateFlags::KEEP_SIZE, old as u64, more as u64) {
        // A filesystem that cannot promise.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Shortened only at the end, so that a reader never finds less than there is.
fn put(file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn longer_and_shorter_in_the_same_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "one\n").expect("written");
        let kept = File::open(&path).expect("there");
        let long = "two\n".repeat(3000);
        for (old, new) in [("one\n", &*long), (&*long, "three\n"), ("three\n", "")] {
            write(&path, old.as_bytes(), new.as_bytes()).expect("written");
            let now = io::read_to_string(&File::open(&path).expect("there")).expect("text");
            assert_eq!(now, new);
        }
        assert_eq!(kept.metadata().expect("open").len(), 0, "it is the same");
    }
}
