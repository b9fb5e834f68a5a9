"""Passes its input on by the module heartline, which tells Hadoop how many records are done."""

import sys

import heartline

letters = set()
for record in heartline.records():
    letters.add(record[:1])
    sys.stdout.buffer.write(record)
heartline.counter("told", "letters, all", len(letters))
