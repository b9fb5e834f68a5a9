"""Counts words in Hadoop's binary formats: `binary_words.py map|reduce typedbytes|rawbytes`."""

import struct
import sys

LONG, STRING = 4, 7


def read_typed(stream):
    """One value of typed bytes: a byte for its type, then the value."""
    kind = stream.read(1)
    if not kind:
        return None
    if kind[0] == STRING:
        return read_raw(stream)
    # Java's long: the offset of a line, and a count of the mapper.
    assert kind[0] == LONG, kind
    return struct.unpack(">q", stream.read(8))[0]


def write_typed(stream, value):
    if isinstance(value, int):
        stream.write(struct.pack(">Bq", LONG, value))
    else:
        stream.write(struct.pack(">B", STRING))
        write_raw(stream, value)


def read_raw(stream):
    """One value of raw bytes: its length, then its bytes."""
    length = stream.read(4)
    return stream.read(struct.unpack(">i", length)[0]) if length else None


def write_raw(stream, value):
    value = value if isinstance(value, bytes) else b"%d" % value
    stream.write(struct.pack(">i", len(value)) + value)


def text_of(value):
    """The bytes of Java's Text, which rawbytes leaves as Hadoop writes it: the length in its own form before them."""
    first = struct.unpack(">b", value[:1])[0]
    more = max(0, -112 - first)
    return value[1 + more :]


def pairs(read):
    key = read(sys.stdin.buffer)
    while key is not None:
        yield key, read(sys.stdin.buffer)
        key = read(sys.stdin.buffer)


step, form = sys.argv[1:3]
read, write = (read_typed, write_typed) if form == "typedbytes" else (read_raw, write_raw)
counts = {}
for key, value in pairs(read):
    if step == "map":
        line = value if form == "typedbytes" else text_of(value)
        new = [(word, 1) for word in line.split()]
    else:
        new = [(key, int(value))]
    for word, count in new:
        counts[word] = counts.get(word, 0) + count
for word, count in counts.items():
    write(sys.stdout.buffer, word)
    write(sys.stdout.buffer, count)
