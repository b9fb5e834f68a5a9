"""What many times are summed up as."""

import math
import statistics


def p99(times):
    """By nearest rank: of fewer than a hundred it is the longest."""
    return sorted(times)[math.ceil(len(times) * 0.99) - 1]


def spread(times):
    """Median, p99 and longest of times in seconds, in milliseconds."""
    figures = [statistics.median(times), p99(times), max(times)]
    return " ".join(f"{figure * 1000:>8.1f} ms" for figure in figures)
