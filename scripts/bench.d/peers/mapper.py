"""A word count's mapper as one writes it in Python: the peer of wc-mapper."""

import sys

for line in sys.stdin:
    for word in line.strip().split():
        print(f"{word}\t1")
