//! Opens and reads files that somebody else may have prepared: opening a named pipe can block, a device never ends,
//! a symbolic link leads to another file, and a file that others may write cannot be trusted.
//!
//! - [`open`], [`read`] (of an open file [`whole`]) and [`read_text`] accept regular files only. They never block on
//!   what was put in a file's place, and [`read`] stops at a limit.
//! - [`read_named`] is for a file that the user of this program names: it also accepts `<(COMMAND)` of a shell.
//! - [`read_record`] is for what this program acts on, such as a process id: it refuses a file that others may write.
//! - [`read_secret`] is for a token or a key: it refuses a file that others may read; [`read_credentials`] is for a
//!   name and a password.
//! - [`append`], [`create`] and [`overwrite`] open for writing, with the same checks; [`append_to_any`] with fewer.
//! - [`beginning`] is for `/proc`, whose files contain what other processes chose.
//!
//! The caller chooses how symbolic links are treated: see [`Links`].

mod named;
mod open;
mod read;
mod secret;
mod trust;
mod unfit;

pub use named::{Named, read_named};
pub use open::{Links, append, append_to_any, create, followed, open, overwrite};
pub use read::{beginning, read, read_text, whole};
pub use secret::{read_credentials, read_secret};
pub use trust::{read_record, untrusted};
pub use unfit::UnfitFile;

/// The largest configuration file, secret or record that is read, in bytes. All of them are far smaller.
pub const SMALL: u64 = 1 << 20;

#[cfg(test)]
mod tests;
