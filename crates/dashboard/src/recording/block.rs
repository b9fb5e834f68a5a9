//! A block of a recording: lines of JSON as a gzip member. Pure.
//!
//! A recording is a file of such members one after the other, so that `zcat` shows it. The header of each has an extra
//! field (RFC 1952, 2.3.1.1) with the length of the member, as the blocks of BGZF have: a reader finds the blocks
//! without decompressing them, and sees where a file was cut.

use std::io::{self, Read, Write};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

/// The version of this format, which the first line of a block names too.
pub(crate) const VERSION: u8 = 1;

/// The two letters of the extra field.
const NAME: [u8; 2] = *b"HL";
/// The length of the extra field's content.
const CONTENT: usize = 24;
/// Where the content begins in the member: behind gzip's own header, the field's length, its name and its length.
const CONTENT_AT: usize = 16;
/// Where the member's length is.
const LENGTH_AT: usize = CONTENT_AT + 4;
/// The length of all that the header of a block has.
pub(crate) const HEADER: usize = CONTENT_AT + CONTENT;

/// Maximum length of a block, compressed.
pub(crate) const MOST_BYTES: u32 = 64 * 1024 * 1024;
/// Maximum length of a block's text.
pub(crate) const MOST_TEXT: u64 = 256 * 1024 * 1024;

const KEY: u8 = 1;
const EVENTS: u8 = 2;

/// What the header of a block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    /// The number of the job.
    pub(crate) job: u16,
    /// Whether it begins with a snapshot, so that it can be read without the blocks before it.
    pub(crate) is_key: bool,
    /// Whether events are in it.
    pub(crate) has_events: bool,
    /// The times of its first and last message, in milliseconds since 1970.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The length of the whole block in bytes.
    pub(crate) length: u32,
}

/// Why bytes are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoBlock {
    /// It is something else.
    #[error("it is not a recording of heartline")]
    Other,
    /// Another version of heartline wrote it.
    #[error("it is a recording of version {0}, and this program reads version {VERSION}")]
    Version(u8),
}

/// Compresses the text of a block; the length in `header` is not looked at. Fails if the block is too long.
pub(crate) fn encode(header: &BlockHeader, text: &str) -> io::Result<Vec<u8>> {
    let flags = if header.is_key { KEY } else { 0 } | if header.has_events { EVENTS } else { 0 };
    let mut extra = NAME.to_vec();
    extra.extend([24, 0, VERSION, flags]);
    extra.extend(header.job.to_le_bytes());
    extra.extend(0_u32.to_le_bytes());
    extra.extend(header.from.to_le_bytes());
    extra.extend(header.to.to_le_bytes());
    let mut encoder = GzBuilder::new()
        .extra(extra)
        .write(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes())?;
    let mut block = encoder.finish()?;
    let length = u32::try_from(block.len()).ok();
    let length = length.filter(|length| *length <= MOST_BYTES);
    let length = length.ok_or_else(|| io::Error::other("a block is too long"))?;
    block[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_le_bytes());
    Ok(block)
}

/// Reads the header of a block.
pub(crate) fn decode_header(bytes: &[u8; HEADER]) -> Result<BlockHeader, NoBlock> {
    let is_gzip = bytes.starts_with(&[0x1f, 0x8b, 8, 4]);
    let is_ours = bytes[10..CONTENT_AT] == [28, 0, NAME[0], NAME[1], 24, 0];
    if !is_gzip || !is_ours {
        return Err(NoBlock::Other);
    }
    let content = &bytes[CONTENT_AT..];
    let number = |at: usize, length: usize| {
        let digits = content[at..at + length].iter().rev();
        digits.fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    if content[0] != VERSION {
        return Err(NoBlock::Version(content[0]));
    }
    let header = BlockHeader {
        job: u16::from_le_bytes([content[2], content[3]]),
        is_key: content[1] & KEY != 0,
        has_events: content[1] & EVENTS != 0,
        from: number(8, 8),
        to: number(16, 8),
        length: u32::from_le_bytes([content[4], content[5], content[6], content[7]]),
    };
    let fits = usize::try_from(header.length).is_ok_and(|length| length > HEADER)
        && header.length <= MOST_BYTES
        && header.from <= header.to;
    if fits {
        Ok(header)
    } else {
        Err(NoBlock::Other)
    }
}

/// The text of a block; an error if its checksum is wrong, or if it is too long.
pub(crate) fn decode(block: &[u8]) -> io::Result<String> {
    let mut text = String::new();
    let mut decoder = GzDecoder::new(block).take(MOST_TEXT);
    decoder.read_to_string(&mut text)?;
    if decoder.limit() == 0 {
        return Err(io::Error::other("its text is too long"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: BlockHeader = BlockHeader {
        job: 513,
        is_key: true,
        has_events: false,
        from: 1_764_460_000_123,
        to: 1_764_460_005_000,
        length: 0,
    };

    fn header(block: &[u8]) -> Result<BlockHeader, NoBlock> {
        decode_header(block[..HEADER].try_into().unwrap())
    }

    #[test]
    fn a_block_is_read_as_it_was_written() {
        let block = encode(&BLOCK, "{\"a\":1}\n").unwrap();
        let length = u32::try_from(block.len()).unwrap();
        assert_eq!(header(&block), Ok(BlockHeader { length, ..BLOCK }));
        assert_eq!(decode(&block).unwrap(), "{\"a\":1}\n");
        let other = BlockHeader {
            is_key: false,
            has_events: true,
            ..BLOCK
        };
        let block = encode(&other, "").unwrap();
        let read = header(&block).unwrap();
        assert!(read.has_events && !read.is_key);
    }

    #[test]
    fn what_is_no_block_is_refused() {
        let mut block = encode(&BLOCK, &"text ".repeat(50)).unwrap();
        assert!(decode(&block[..block.len() - 1]).is_err(), "cut");
        // Within the checksum.
        let place = block.len() - 6;
        block[place] ^= 1;
        assert!(decode(&block).is_err(), "damaged");
        block[CONTENT_AT] = 9;
        assert_eq!(header(&block), Err(NoBlock::Version(9)));
        block[0] = b'{';
        assert_eq!(header(&block), Err(NoBlock::Other));
        let backwards = BlockHeader { to: 5, ..BLOCK };
        assert_eq!(
            header(&encode(&backwards, "").unwrap()),
            Err(NoBlock::Other)
        );
        assert_eq!(header(&[0; HEADER]), Err(NoBlock::Other));
    }

    #[test]
    fn other_programs_read_the_members_one_after_the_other() {
        let mut file = encode(&BLOCK, "one\n").unwrap();
        file.extend(encode(&BLOCK, "two\n").unwrap());
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(&*file)
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "one\ntwo\n");
    }
}
