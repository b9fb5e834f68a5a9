"""The detector's curves as a picture, with the Python program as points beside them."""

from plot import Plot

NAMES = {"quiet": "quiet", "busy": "a busy loop on each core"}


def picture(curves, peer):
    """`curves`: the points of each load; `peer`: the Python program's median detection in seconds and its mistakes in an hour."""
    plot = Plot("detection time against mistakes", "median detection, ms", "mistakes of a member in an hour")
    for load, points in curves.items():
        for rule in dict.fromkeys(point.rule for point in points):
            chosen = [(point.median, point.hourly) for point in points if point.rule == rule]
            plot.add(f"{rule}, {NAMES[load]}", chosen)
    for load, (median, hourly) in peer.items():
        if median is not None:
            plot.add(f"Python, {NAMES[load]}", [(median * 1000, hourly or 0)], line=False)
    return plot.svg()
