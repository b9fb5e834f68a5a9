//! The file of a recording: blocks one after the other.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, SeekFrom, flock, seek};

use super::block::{self, BlockHeader, HEADER, NoBlock};
use super::composer::ComposedBlock;
use super::index::first_line;
use heartline_process::files::{self, Links};

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockPlace {
    pub(super) offset: u64,
    pub(super) header: BlockHeader,
}

/// The blocks of a file, as their headers tell.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) places: Vec<BlockPlace>,
    /// The length of all whole blocks together.
    pub(super) length: u64,
    /// The length of what follows them: a block that was cut.
    pub(super) rest: u64,
}

/// Finds the whole blocks of a file. Fails if it begins with something else.
pub(super) fn blocks(file: &File) -> anyhow::Result<Blocks> {
    let end = file.metadata()?.len();
    let mut places = Vec::new();
    let mut offset = 0;
    while offset < end {
        let mut bytes = [0; HEADER];
        let read = file.read_exact_at(&mut bytes, offset);
        let header = match read {
            Ok(()) => block::decode_header(&bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                // It is one of ours only if the part that is there says so.
                let known = places.is_empty() && offset == 0;
                if known { Err(NoBlock::Other) } else { break }
            }
            Err(error) => return Err(error.into()),
        };
        let header = match header {
            Ok(header) => header,
            Err(why) if offset == 0 => return Err(why.into()),
            Err(_) => break,
        };
        if end - offset < u64::from(header.length) {
            break;
        }
        places.push(BlockPlace { offset, header });
        offset += u64::from(header.length);
    }
    Ok(Blocks {
        places,
        length: offset,
        rest: end - offset,
    })
}

/// Reads a whole block, compressed.
pub(super) fn read_block(file: &File, place: &BlockPlace) -> io::Result<Vec<u8>> {
    // The length is within the file.
    let length = usize::try_from(place.header.length).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, place.offset)?;
    Ok(bytes)
}

/// A recording that is written. It is locked: two programs that wrote to one file would spoil it.
#[derive(Debug)]
pub(crate) struct RecordingFile {
    file: File,
    path: PathBuf,
    length: u64,
    most: u64,
    namespaces: Vec<String>,
    /// The length of a cut block that was removed.
    pub(crate) removed: u64,
}

impl RecordingFile {
    /// Opens a recording to add to it, or begins one that gets `most` bytes at the most. A block that was cut is removed.
    pub(crate) fn open(path: &Path, most: u64) -> anyhow::Result<Self> {
        let shown = path.display();
        // The same file is read and written.
        files::append(path, Links::Followed)
            .with_context(|| format!("{shown} cannot be written"))?;
        let options = File::options().read(true).write(true).open(path);
        let file = options.with_context(|| format!("{shown} cannot be read"))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another program records to {shown}; name another file");
        }
        let found = blocks(&file).with_context(|| format!("{shown} exists; name another file"))?;
        let namespaces = namespaces(&file, &found.places);
        let namespaces =
            namespaces.with_context(|| format!("{shown} cannot be read; name another file"))?;
        if found.rest > 0 {
            file.set_len(found.length)?;
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            length: found.length,
            most,
            namespaces,
            removed: found.rest,
        })
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of a job in this file.
    pub(crate) fn job(&mut self, namespace: &str) -> u16 {
        let known = self.namespaces.iter().position(|known| known == namespace);
        let number = known.unwrap_or_else(|| {
            self.namespaces.push(namespace.to_owned());
            self.namespaces.len() - 1
        });
        // A command line does not hold so many.
        u16::try_from(number).unwrap_or(u16::MAX)
    }

    /// Adds a block. Returns whether there was room for it. After an error the file is as before.
    pub(crate) fn append(&mut self, block: &ComposedBlock) -> io::Result<bool> {
        let bytes = block::encode(&block.header, &block.text)?;
        let length = self.length + bytes.len() as u64;
        if length > self.most {
            return Ok(false);
        }
        seek(&self.file, SeekFrom::Start(self.length))?;
        if let Err(error) = (&self.file).write_all(&bytes) {
            // If this fails too, a reader stops at the cut block, and the next one takes its place.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length = length;
        Ok(true)
    }
}

/// The namespaces of the jobs, by their numbers.
fn namespaces(file: &File, places: &[BlockPlace]) -> anyhow::Result<Vec<String>> {
    let mut namespaces: Vec<String> = Vec::new();
    for place in places {
        // Numbers are given in order.
        if usize::from(place.header.job) == namespaces.len() {
            let text = block::decode(&read_block(file, place)?)?;
            namespaces.push(first_line(&text)?.namespace);
        }
    }
    Ok(namespaces)
}
