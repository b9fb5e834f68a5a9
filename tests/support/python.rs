//! Python with packages from its index, for tests with the real ones.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};

use super::Parts;

/// A Python that can import `module`, from a virtual environment that is made once with these packages; the error says why
/// there is none.
pub(crate) fn python_with(module: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = Parts::home().join("python");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    // Tests in several processes may try to make it at once.
    let lock =
        File::create(folder.join(format!("{module}.lock"))).map_err(|error| error.to_string())?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| error.to_string())?;
    let venv = folder.join(module);
    let python = venv.join("bin/python");
    let imports =
        |python: &Path| run(Command::new(python).args(["-c", &format!("import {module}")]));
    if imports(&python).is_err() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        run(Command::new("timeout")
            .arg("300")
            .arg(&python)
            .args(install)
            .args(packages))?;
        imports(&python)?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("{}: {error}", command.get_program().display())),
    }
}
