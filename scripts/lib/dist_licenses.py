"""dist_licenses.py: reads `cargo metadata` on stdin, and writes the texts of the licences of all crates of others on stdout.

Licences such as MIT and BSD ask for their text to go along with a program. Each text stands once, below the crates that have it. A crate
whose package holds no text is listed with the name of its licence.
"""

import json
import pathlib
import re
import sys
from typing import Any

# What crates call such files: LICENSE, LICENCE-MIT, COPYING, NOTICE, UNLICENSE and the like, with any ending of a text.
NAME = re.compile(r"(un)?licen[sc]e|copying|copyright|notice", re.IGNORECASE)
ENDINGS = {"", ".md", ".txt"}


def texts_of(folder: pathlib.Path) -> list[str]:
    """The texts of a crate, without blanks at the ends of lines, so that the same text of two crates is the same."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and NAME.match(file.name)]
    # A name such as LICENSE-2.0 has no ending, though it looks so.
    files = [file for file in files if file.suffix.lower() in ENDINGS or not file.suffix[1:].isalpha()]
    read = (file.read_text(encoding="utf-8", errors="replace") for file in files)
    return ["\n".join(line.rstrip() for line in text.splitlines()).strip() for text in read]


def linked(metadata: dict[str, Any]) -> set[str]:
    """The ids of the crates that are in the programs: neither what only tests need, nor what only builds do."""
    depends = {node["id"]: node["deps"] for node in metadata["resolve"]["nodes"]}
    waiting = [package["id"] for package in metadata["packages"] if package["name"] == "heartline"]
    found = set(waiting)
    while waiting:
        for dependency in depends[waiting.pop()]:
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_linked and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return found


def main() -> None:
    metadata = json.load(sys.stdin)
    in_programs = linked(metadata)
    crates_of: dict[str, list[str]] = {}
    without = []
    for package in metadata["packages"]:
        # A crate of this repository has no source.
        if package["source"] is None or package["id"] not in in_programs:
            continue
        name = f"{package['name']} {package['version']}"
        texts = texts_of(pathlib.Path(package["manifest_path"]).parent)
        for text in texts:
            crates_of.setdefault(text, []).append(name)
        if not texts:
            without.append(f"{name}: {package['license'] or 'see its repository'}")
    print("The programs contain these crates of others. Each text below holds for the crates above it.\n")
    for text, crates in sorted(crates_of.items(), key=lambda item: (item[1], item[0])):
        print("=" * 100, *sorted(crates), "-" * 100, text, "", sep="\n")
    print("=" * 100, "Crates that name their licence, and bring no text:", *sorted(without), sep="\n")


if __name__ == "__main__":
    main()
