//! What a file is for the kernel: a script with its interpreter, or an ELF program with what it needs.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Instant;

use elf::ElfStream;
use elf::endian::AnyEndian;

use super::tool::answer;

/// The kernel reads no more of a script's first line, in bytes.
const FIRST: usize = 256;
/// The most symbols that are looked at.
const MOST_SYMBOLS: usize = 200_000;

const ELF: &[u8] = b"\x7fELF";
const MARK: &[u8] = b"\xef\xbb\xbf";
/// `VER_FLG_WEAK`: the loader does without such a version.
const WEAK: u16 = 2;

/// A version of glibc: 2.34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GlibcVersion(pub(super) u32, pub(super) u32);

impl GlibcVersion {
    /// Parses `2.34` or `2.2.5`.
    fn of(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProgramFile {
    /// A script, with the words of its first line.
    Script(Vec<String>),
    /// A script whose first line ends with a carriage return, with its interpreter.
    CarriageReturn(String),
    /// A script with a byte order mark before its first line.
    MarkedScript,
    /// A program or a library for a machine, as `x86_64`, that needs at least this glibc; `None` if it needs none.
    Elf {
        machine: String,
        glibc: Option<GlibcVersion>,
        is_library: bool,
    },
    /// It begins as a program, and is none.
    BrokenElf(String),
    /// Anything else.
    Other,
}

/// Reads the beginning of a file, and of a program its tables.
pub(super) fn read(path: &Path) -> io::Result<ProgramFile> {
    let mut file = File::open(path)?;
    let mut first = Vec::with_capacity(FIRST);
    file.by_ref().take(FIRST as u64).read_to_end(&mut first)?;
    if !first.starts_with(ELF) {
        return Ok(of_text(&first));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(of_elf(file).unwrap_or_else(|error| ProgramFile::BrokenElf(error.to_string())))
}

fn of_text(first: &[u8]) -> ProgramFile {
    let is_marked = first.starts_with(MARK);
    let text = first.strip_prefix(MARK).unwrap_or(first);
    let Some(line) = text.strip_prefix(b"#!") else {
        return ProgramFile::Other;
    };
    if is_marked {
        return ProgramFile::MarkedScript;
    }
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
    let line = String::from_utf8_lossy(line);
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    match words.first() {
        None => ProgramFile::Other,
        Some(interpreter) if line.ends_with('\r') => {
            ProgramFile::CarriageReturn(interpreter.clone())
        }
        Some(_) => ProgramFile::Script(words),
    }
}

fn of_elf(file: File) -> Result<ProgramFile, elf::ParseError> {
    let mut elf = ElfStream::<AnyEndian, _>::open_stream(file)?;
    let machine = machine(elf.ehdr.e_machine);
    let symbols = match elf.dynamic_symbol_table()? {
        Some((symbols, _)) => symbols.len().min(MOST_SYMBOLS),
        None => 0,
    };
    let mut glibc = None;
    if let Some(versions) = elf.symbol_version_table()? {
        for symbol in 0..symbols {
            let Ok(Some(needed)) = versions.get_requirement(symbol) else {
                continue;
            };
            let version = needed
                .name
                .strip_prefix("GLIBC_")
                .and_then(GlibcVersion::of);
            if needed.flags & WEAK == 0 {
                glibc = glibc.max(version);
            }
        }
    }
    let is_library = is_library(&mut elf)?;
    Ok(ProgramFile::Elf {
        machine,
        glibc,
        is_library,
    })
}

/// A shared library has no loader, as a static program; such a program says of itself that it is one.
fn is_library(elf: &mut ElfStream<AnyEndian, File>) -> Result<bool, elf::ParseError> {
    let has_loader = elf
        .segments()
        .iter()
        .any(|segment| segment.p_type == elf::abi::PT_INTERP);
    if elf.ehdr.e_type != elf::abi::ET_DYN || has_loader {
        return Ok(false);
    }
    let is_program = elf.dynamic()?.is_some_and(|table| {
        let mut entries = table.iter();
        entries.any(|entry| {
            entry.d_tag == elf::abi::DT_FLAGS_1
                && entry.d_val() & elf::abi::DF_1_PIE.unsigned_abs() != 0
        })
    });
    Ok(!is_program)
}

/// The name of a machine as Rust calls it.
fn machine(number: u16) -> String {
    let name = match number {
        elf::abi::EM_386 => "x86",
        elf::abi::EM_X86_64 => "x86_64",
        elf::abi::EM_ARM => "arm",
        elf::abi::EM_AARCH64 => "aarch64",
        elf::abi::EM_RISCV => "riscv64",
        elf::abi::EM_PPC64 => "powerpc64",
        elf::abi::EM_S390 => "s390x",
        other => return format!("machine {other}"),
    };
    name.to_owned()
}

/// The glibc of this machine; `None` if there is none, or if it does not tell until `end`.
pub(super) fn glibc_here(end: Instant) -> Option<GlibcVersion> {
    let said = answer("getconf".as_ref(), "GNU_LIBC_VERSION", end).ok()?;
    GlibcVersion::of(said.trim().strip_prefix("glibc ")?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_first_line_names_the_interpreter() {
        let script =
            |words: &[&str]| ProgramFile::Script(words.iter().map(ToString::to_string).collect());
        assert_eq!(of_text(b"#!/bin/sh\necho"), script(&["/bin/sh"]));
        assert_eq!(
            of_text(b"#! /usr/bin/env -S python3 -u\n"),
            script(&["/usr/bin/env", "-S", "python3", "-u"])
        );
        let windows = ProgramFile::CarriageReturn("/bin/sh".to_owned());
        assert_eq!(of_text(b"#!/bin/sh\r\necho\r\n"), windows);
        assert_eq!(
            of_text(b"\xef\xbb\xbf#!/bin/sh\n"),
            ProgramFile::MarkedScript
        );
        for other in [
            &b""[..],
            b"#!",
            b"#!\n/bin/sh",
            b"import sys\n",
            b"\xef\xbb\xbfa",
        ] {
            assert_eq!(of_text(other), ProgramFile::Other);
        }
    }

    #[test]
    fn this_program_is_one_for_this_machine() {
        let own = read(&std::env::current_exe().unwrap()).unwrap();
        let ProgramFile::Elf {
            machine,
            glibc,
            is_library,
        } = own
        else {
            panic!("{own:?}");
        };
        assert!(!is_library);
        assert_eq!(machine, std::env::consts::ARCH);
        // It runs, so that this machine's library is new enough.
        let here = glibc_here(Instant::now() + Duration::from_secs(60));
        assert!(glibc.is_none() || glibc <= here, "{glibc:?} {here:?}");
    }

    #[test]
    fn a_damaged_program_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in [4, 20, 63, 5000] {
            std::fs::write(&path, &own[..length]).unwrap();
            let found = read(&path).unwrap();
            assert!(
                matches!(found, ProgramFile::BrokenElf(_)),
                "{length}: {found:?}"
            );
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(GlibcVersion::of("2.4") < GlibcVersion::of("2.34"));
        assert_eq!(GlibcVersion::of("2.2.5"), Some(GlibcVersion(2, 2)));
        assert_eq!(GlibcVersion::of("PRIVATE"), None);
    }
}
