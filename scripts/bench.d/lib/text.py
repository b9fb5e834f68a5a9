"""The text that is measured over, and the programs that are measured."""

import argparse
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
DATA = ROOT / ".heartline" / "bench"
# Where the scripts keep what they have fetched.
HOME = Path(os.environ.get("HEARTLINE_HOME_DIR") or ROOT / ".heartline").resolve()
# How Java programs of the parts log.
LOG4J = ROOT / "crates/cluster/src/configuration/log4j.properties"


def size(text):
    match = re.fullmatch(r"(\d+)([kMG]?)B?", text)
    if match is None or int(match[1]) == 0:
        raise argparse.ArgumentTypeError("write a size such as 200MB")
    return int(match[1]) * {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}[match[2]]


def count(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("write a number of runs such as 5")
    return int(text)


def build(*programs, example="zipf-text"):
    """Builds what is measured, as clusters get it, and an example that helps to; says where it lies."""
    command = ["cargo", "build", "--profile", "dist", "--example", example]
    command += [f"--bin={program}" for program in programs]
    subprocess.run(command, cwd=ROOT, check=True)
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "dist"


def only_defaults():
    """The defaults are measured, whatever the shell has set."""
    for name in list(os.environ):
        if name.startswith("HEARTLINE_") and name != "HEARTLINE_HOME_DIR":
            del os.environ[name]


def made(path, command, source=os.devnull):
    """The file, made by a shell command out of another if it is not there yet."""
    if not path.exists():
        print(f"making {path.relative_to(ROOT)} …", flush=True)
        part = path.with_suffix(".part")
        command = ["bash", "-o", "pipefail", "-c", command]
        with open(source, "rb") as stdin, open(part, "wb") as stdout:
            subprocess.run(command, stdin=stdin, stdout=stdout, check=True)
        part.rename(path)
    return path


def zipf(target, size):
    """Text of this many bytes or a few more, whose words are as unequal as those of a language."""
    DATA.mkdir(parents=True, exist_ok=True)
    return made(DATA / f"zipf-{size}.txt", f"'{target}/examples/zipf-text' {size}")
