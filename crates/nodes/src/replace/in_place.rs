//! Writes a file in place: not in one step, but completely or with the old content restored.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::is_same;
use heartline_process::files::{Links, overwrite};

/// Writes `new` over `old`, the content of the open file `read`. Returns `false` if another file is at `path` by now.
pub(super) fn write(path: &Path, read: &File, old: &[u8], new: &[u8]) -> io::Result<bool> {
    let file = overwrite(path, Links::Refused)?;
    if !is_same(&file, read)? {
        return Ok(false);
    }
    reserve(&file, old.len(), new.len())?;
    put_or_put_back(&file, old, new).map(|()| true)
}

fn put_or_put_back(file: &File, old: &[u8], new: &[u8]) -> io::Result<()> {
    put(file, new).map_err(|error| match put(file, old) {
        Ok(()) => error,
        Err(worse) => io::Error::new(
            error.kind(),
            format!("{error}; and its old content cannot be restored: {worse}"),
        ),
    })
}

/// Allocates the disk space first: nothing is overwritten before there is room for all new bytes.
fn reserve(file: &File, old: usize, new: usize) -> io::Result<()> {
    let Some(more) = new.checked_sub(old).filter(|more| *more > 0) else {
        return Ok(());
    };
    match fallocate(file, FallocateFlags::KEEP_SIZE, old as u64, more as u64) {
        // Some filesystems cannot allocate in advance.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Writes the bytes and truncates the file only at the end, so that a reader never finds too little.
fn put(file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    use super::*;

    #[test]
    fn longer_and_shorter_in_the_same_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "one\n").expect("written");
        let kept = File::open(&path).expect("there");
        let long = "two\n".repeat(3000);
        for (old, new) in [("one\n", &*long), (&*long, "three\n"), ("three\n", "")] {
            let written = write(&path, &kept, old.as_bytes(), new.as_bytes());
            assert!(written.expect("written"));
            let now = io::read_to_string(&File::open(&path).expect("there")).expect("text");
            assert_eq!(now, new);
        }
        assert_eq!(kept.metadata().expect("open").len(), 0, "it is the same");
    }

    #[test]
    fn what_cannot_be_written_to_its_end_is_taken_back() {
        let old = b"an own line\n".repeat(1024);
        let new = [b"10.0.0.1\tn1\n", &old[..]].concat();
        // A file that accepts all pages except the last.
        let file = memfd_create("hosts", MemfdFlags::ALLOW_SEALING).expect("made");
        let file = File::from(file);
        file.write_all_at(&old, 0).expect("written");
        fcntl_add_seals(&file, SealFlags::GROW).expect("sealed");
        put(&file, &new).expect_err("it does not grow");
        let mut now = vec![0; old.len()];
        file.read_exact_at(&mut now, 0).expect("read");
        assert_ne!(now, old, "it was written to");
        put_or_put_back(&file, &now, &old).expect("it need not grow");
        put_or_put_back(&file, &old, &new).expect_err("it does not grow");
        file.read_exact_at(&mut now, 0).expect("read");
        assert_eq!(now, old);
        assert_eq!(file.metadata().expect("open").len(), old.len() as u64);
    }
}
