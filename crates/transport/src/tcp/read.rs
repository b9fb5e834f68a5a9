//! Reads of a fixed size. The buffer is on the stack, so that a connection that waits has none.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::limits::READ_BYTES;
use crate::codec::FrameReader;
use crate::frame::Frame;

/// Waits for bytes, and lets `take` have what one read gives; nothing is the end of the connection.
///
/// # Cancel safety
/// No byte is lost when the future is dropped.
pub(crate) async fn read_with<T>(
    stream: &mut (impl AsyncRead + Unpin),
    mut take: impl FnMut(&[u8]) -> T,
) -> io::Result<T> {
    std::future::poll_fn(|context| {
        let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(take(buffer.filled())))
    })
    .await
}

/// Reads the one frame of a handshake; nothing may follow it.
///
/// # Errors
/// `UnexpectedEof` if the connection ends before, `InvalidData` if something else comes.
pub(crate) async fn read_only_frame(
    stream: &mut (impl AsyncRead + Unpin),
    reader: &mut FrameReader,
) -> io::Result<Frame> {
    loop {
        let read = read_with(stream, |bytes| only_frame(reader, bytes)).await?;
        if let Some(frame) = read? {
            return Ok(frame);
        }
    }
}

fn only_frame(reader: &mut FrameReader, mut bytes: &[u8]) -> io::Result<Option<Frame>> {
    if bytes.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    match reader.read(&mut bytes) {
        Ok(frame) if bytes.is_empty() => Ok(frame),
        Ok(_) => Err(io::ErrorKind::InvalidData.into()),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}
