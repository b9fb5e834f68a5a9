//! stub
use super::Progress;
use std::io::{Read, Write};
use std::time::Duration;
/// stub
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// stub
    #[error("cannot read stdin: {0}")]
    Read(std::io::Error),
    /// stub
    #[error("cannot write stdout: {0}")]
    Write(std::io::Error),
}
impl StreamError {
    /// stub
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(e) if e.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
/// stub
pub fn raw_stdin() -> std::io::Result<std::fs::File> {
    use std::os::fd::AsFd;
    Ok(std::io::stdin().as_fd().try_clone_to_owned()?.into())
}
/// stub
pub fn raw_stdout() -> std::io::Result<std::fs::File> {
    use std::os::fd::AsFd;
    Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into())
}
/// stub
#[derive(clap::Args, Debug)]
pub struct WordArgs {
    /// stub
    #[arg(long, value_parser = crate::cli::duration)]
    pub line_delay: Option<Duration>,
}
impl WordArgs {
    /// stub
    pub fn run(
        &self,
        input: &mut impl Read,
        output: &mut impl Write,
        _p: &Progress,
    ) -> Result<(), StreamError> {
        use std::io::BufRead;
        for line in std::io::BufReader::new(input).split(b'\n') {
            for w in line
                .map_err(StreamError::Read)?
                .split(u8::is_ascii_whitespace)
                .filter(|w| !w.is_empty())
            {
                output.write_all(w).map_err(StreamError::Write)?;
                output.write_all(b"\t1\n").map_err(StreamError::Write)?;
            }
            if let Some(d) = self.line_delay {
                std::thread::sleep(d);
            }
        }
        Ok(())
    }
}
