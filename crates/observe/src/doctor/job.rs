//! The files that a job ships: whether its programs can be run, here and on the nodes.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::finding::Finding;
use super::program_file::{GlibcVersion, ProgramFile, glibc_here, read};

/// The most files of a folder that are looked at.
const MOST_FILES: usize = 200;

/// The environment in which a script's interpreter is looked for.
struct Place {
    path: Option<String>,
    glibc: Option<GlibcVersion>,
}

/// Looks at each file of the folder, not at those below it, until `end`.
pub(super) fn findings(folder: &Path, end: Instant) -> Vec<Finding> {
    let check = format!("job {}", folder.display());
    let files = match files(folder) {
        Ok(files) => files,
        Err(error) => {
            let advice = "name the folder with the job's files by --job";
            return vec![Finding::error(
                check,
                format!("cannot be read: {error}"),
                advice,
            )];
        }
    };
    if files.is_empty() {
        return vec![Finding::warning(
            check,
            "has no files",
            "name the folder with the job's files",
        )];
    }
    let place = Place {
        path: env::var("PATH").ok(),
        glibc: glibc_here(end),
    };
    let mut findings = Vec::new();
    let mut plain = 0;
    for path in files.iter().take(MOST_FILES) {
        if Instant::now() >= end {
            let advice = "move what is no program of the job elsewhere";
            findings.push(Finding::warning(
                check.clone(),
                "not all files were read in time",
                advice,
            ));
            break;
        }
        match judge_file(path, &place) {
            Some(finding) => findings.push(finding),
            None => plain += 1,
        }
    }
    if files.len() > MOST_FILES {
        let found = format!("only {MOST_FILES} of {} files were looked at", files.len());
        findings.push(Finding::warning(
            check.clone(),
            found,
            "name a folder of the job's files alone",
        ));
    }
    if plain > 0 {
        let found = match plain {
            1 => "1 file is no program".to_owned(),
            number => format!("{number} files are no programs"),
        };
        findings.push(Finding::ok(check, found));
    }
    findings
}

/// The regular files of a folder, and links to some, in the order of their names.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    // A folder with more is no folder of a job.
    for entry in fs::read_dir(folder)?.take(MOST_FILES * 10) {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn judge_file(path: &Path, place: &Place) -> Option<Finding> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let check = format!("file {name}");
    let file = match read(path) {
        Ok(file) => file,
        Err(error) => {
            let advice = "let the user who starts the job read it";
            return Some(Finding::error(
                check,
                format!("cannot be read: {error}"),
                advice,
            ));
        }
    };
    let mode = fs::metadata(path).map(|about| about.permissions().mode());
    let is_executable = mode.is_ok_and(|mode| mode & 0o111 != 0);
    judge(&check, &file, is_executable, place)
}

/// Nothing is said of a file that is no program.
fn judge(check: &str, file: &ProgramFile, is_executable: bool, place: &Place) -> Option<Finding> {
    let broken = |found: &str, advice: &str| judge_first_line(check, found, advice, is_executable);
    let mut needs_chmod = !is_executable;
    let found = match file {
        ProgramFile::Other if is_executable => {
            return Some(Finding::warning(
                check,
                "is executable, but neither a program of Linux nor a script with #!",
                "begin it with #!/usr/bin/env and the interpreter, or name that in -mapper",
            ));
        }
        ProgramFile::Other => return None,
        ProgramFile::MarkedScript => {
            return Some(broken(
                "has a byte order mark before #!, so that it cannot be run",
                "save it as UTF-8 without BOM",
            ));
        }
        ProgramFile::CarriageReturn(interpreter) => {
            let found = format!(
                "its first line ends with a carriage return: there is no '{interpreter}\\r'"
            );
            return Some(broken(&found, "convert it, as by sed -i 's/\\r$//'"));
        }
        ProgramFile::Script(words) => judge_script(check, words, place),
        ProgramFile::Elf {
            machine,
            glibc,
            is_library,
        } => {
            needs_chmod &= !is_library;
            let kind = if *is_library { "library" } else { "program" };
            judge_elf(check, (kind, machine), *glibc, place)
        }
        ProgramFile::BrokenElf(why) => {
            let advice = "build or copy it again";
            return Some(Finding::error(
                check,
                format!("is a damaged program: {why}"),
                advice,
            ));
        }
    };
    if needs_chmod && found.advice.is_none() {
        return Some(Finding::warning(
            check,
            format!("{}, but is not executable", found.found),
            "chmod +x: YARN would set it, other runners do not",
        ));
    }
    Some(found)
}

/// A wrong first line breaks what is run by it; an interpreter that a command names, as in `python3 mapper.py`, does not
/// mind.
fn judge_first_line(check: &str, found: &str, advice: &str, is_executable: bool) -> Finding {
    if is_executable {
        Finding::error(check, found, advice)
    } else {
        Finding::warning(check, found, advice)
    }
}

fn judge_script(check: &str, words: &[String], place: &Place) -> Finding {
    let interpreter = words.first().map_or("", String::as_str);
    if !Path::new(interpreter).is_file() {
        let found = format!("its interpreter {interpreter} is not on this host");
        return Finding::warning(check, found, "look whether the nodes have it");
    }
    let is_env = Path::new(interpreter)
        .file_name()
        .is_some_and(|name| name == "env");
    // Options and variables of env come before the program, as in `env -S X=1 python3 -u`.
    let is_before = |word: &String| word.starts_with('-') || word.contains('=');
    let named = words[1..].iter().find(|word| !is_before(word));
    if let (true, Some(program)) = (is_env, named) {
        let path = place.path.as_deref().unwrap_or_default();
        let is_there = path
            .split(':')
            .any(|folder| Path::new(folder).join(program).is_file());
        if !is_there {
            let found = format!("its interpreter {program} is not on the PATH of this host");
            return Finding::warning(check, found, "look whether the nodes have it");
        }
    }
    Finding::ok(check, format!("is a script for {}", words.join(" ")))
}

fn judge_elf(
    check: &str,
    (kind, machine): (&str, &str),
    glibc: Option<GlibcVersion>,
    place: &Place,
) -> Finding {
    let here = env::consts::ARCH;
    if machine != here {
        let found = format!("is a {kind} for {machine}, and this host is {here}");
        return Finding::error(check, found, "build it for the nodes");
    }
    let Some(needed) = glibc else {
        return Finding::ok(
            check,
            format!("is a {kind} for {machine} that needs no glibc"),
        );
    };
    let found = format!("is a {kind} for {machine} that needs glibc {needed}");
    match place.glibc {
        Some(here) if here < needed => Finding::error(
            check,
            format!("{found}, and this host has {here}"),
            "build it on the oldest system of the nodes",
        ),
        Some(here) => Finding::ok(check, format!("{found}; this host has {here}")),
        None => Finding::warning(
            check,
            found,
            "look whether the nodes have it: ldd --version",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn judged(file: &ProgramFile, is_executable: bool) -> Option<Finding> {
        let place = Place {
            path: Some("/nonexistent".to_owned()),
            glibc: Some(GlibcVersion(2, 31)),
        };
        judge("file m", file, is_executable, &place)
    }

    fn level(file: &ProgramFile, is_executable: bool) -> Option<Level> {
        judged(file, is_executable).map(|one| one.level)
    }

    fn script(words: &[&str]) -> ProgramFile {
        ProgramFile::Script(words.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn scripts_are_run_by_what_they_name() {
        assert_eq!(level(&script(&["/bin/sh"]), true), Some(Level::Ok));
        assert_eq!(level(&script(&["/bin/sh"]), false), Some(Level::Warning));
        assert_eq!(level(&script(&["/no/such"]), true), Some(Level::Warning));
        let env = script(&["/usr/bin/env", "-S", "python9", "-u"]);
        let found = judged(&env, true).unwrap();
        assert!(
            found.found.contains("python9 is not on the PATH"),
            "{found:?}"
        );
        let windows = ProgramFile::CarriageReturn("/bin/sh".to_owned());
        for broken in [windows, ProgramFile::MarkedScript] {
            assert_eq!(level(&broken, true), Some(Level::Error));
            assert_eq!(level(&broken, false), Some(Level::Warning));
        }
        let set = judged(&script(&["/usr/bin/env", "-S", "X=1", "python9"]), true).unwrap();
        assert!(set.found.contains("python9 is not"), "{set:?}");
    }

    #[test]
    fn programs_are_for_this_machine_and_its_c_library() {
        let elf = |machine: &str, glibc| ProgramFile::Elf {
            machine: machine.to_owned(),
            glibc,
            is_library: false,
        };
        let here = env::consts::ARCH;
        assert_eq!(level(&elf(here, None), true), Some(Level::Ok));
        assert_eq!(
            level(&elf(here, Some(GlibcVersion(2, 31))), true),
            Some(Level::Ok)
        );
        assert_eq!(
            level(&elf(here, Some(GlibcVersion(2, 34))), true),
            Some(Level::Error)
        );
        assert_eq!(level(&elf("riscv64", None), true), Some(Level::Error));
        assert_eq!(level(&elf(here, None), false), Some(Level::Warning));
        let library = ProgramFile::Elf {
            machine: here.to_owned(),
            glibc: None,
            is_library: true,
        };
        assert_eq!(level(&library, false), Some(Level::Ok));
    }

    #[test]
    fn other_files_are_no_programs_unless_they_are_executable() {
        assert_eq!(level(&ProgramFile::Other, false), None);
        assert_eq!(level(&ProgramFile::Other, true), Some(Level::Warning));
    }
}
