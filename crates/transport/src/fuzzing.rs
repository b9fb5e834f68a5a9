//! Readers of frames, for the fuzz targets and the tests of the corpus.

use super::codec::{FrameReader, FrameWriter};
use super::frame::Frame;
use super::key::{ClaimKey, ConnectionKeys, KEY_LENGTH};

fn keys() -> ConnectionKeys {
    let key = ClaimKey::new([7; KEY_LENGTH]);
    key.connection("claim", &[1; KEY_LENGTH], &[2; KEY_LENGTH])
}

/// Reads bytes from somebody who does not know the key: no frame may come out.
pub fn frames(bytes: &[u8]) {
    let mut reader = FrameReader::new(keys().to_server);
    for piece in bytes.chunks(7) {
        let mut input = piece;
        match reader.read(&mut input) {
            Ok(Some(frame)) => panic!("nobody has authenticated {frame:?}"),
            Ok(None) => assert!(input.is_empty()),
            Err(_) => return,
        }
    }
}

/// Reads the content of an authenticated frame: what is accepted is written as the same bytes.
pub fn content(bytes: &[u8]) {
    let Ok(frame) = Frame::read(bytes) else {
        return;
    };
    let (mut writer, mut written) = (FrameWriter::new(keys().to_client), Vec::new());
    assert_eq!(writer.write(&frame, &mut written), Ok(()));
    assert_eq!(&written[2..written.len() - 16], bytes);
}
