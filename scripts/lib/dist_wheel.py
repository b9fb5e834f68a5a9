"""dist_wheel.py WHEEL ROOT: takes the path ROOT of the tree out of a wheel's bills of materials, so that the wheel has the
same bytes wherever the tree lies. maturin writes that path, and nothing else of the machine."""

import base64
import hashlib
import os
import sys
import zipfile


def record_line(name: str, data: bytes) -> str:
    """The line of RECORD for a file: its digest as the format of wheels has it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}"


def main() -> None:
    wheel, root = sys.argv[1:]
    changed = {}
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(wheel + ".new", "w", zipfile.ZIP_DEFLATED) as new:
        # RECORD is the last file, so that all others are known by then.
        for info in sorted(old.infolist(), key=lambda info: info.filename.endswith("/RECORD")):
            data = old.read(info)
            if info.filename.endswith(".cyclonedx.json"):
                data = data.replace(f"file://{root}".encode(), b"file:///heartline")
                changed[info.filename] = record_line(info.filename, data)
            elif info.filename.endswith("/RECORD"):
                lines = data.decode().splitlines()
                data = "".join(changed.get(line.split(",")[0], line) + "\n" for line in lines).encode()
            new.writestr(info, data)
    os.replace(wheel + ".new", wheel)


if __name__ == "__main__":
    main()
