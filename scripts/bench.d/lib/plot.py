"""A picture of curves, written as SVG by hand: detection time to the right, mistakes upwards, both by tens."""

import math
from html import escape

WIDTH, HEIGHT = 900, 560
LEFT, RIGHT, TOP, BOTTOM = 80, 250, 40, 60
COLOURS = ["#1b6ca8", "#c8553d", "#3a7d44", "#8d5a97", "#b8860b", "#555555"]
TICKS = [5, 10, 20, 50, 100, 200, 500, 1000]


class Plot:
    """Points above zero stand where they belong; those without a mistake lie on the lowest line."""

    def __init__(self, title, across, upwards):
        self.title, self.across, self.upwards = title, across, upwards
        # Name, points of (x, y), whether a line goes through them.
        self.series = []

    def add(self, name, points, line=True):
        self.series.append((name, sorted(points), line))

    def svg(self):
        points = [point for _, points, _ in self.series for point in points]
        self.x_range = self.reach([x for x, _ in points])
        above = [y for _, y in points if y > 0] or [1]
        low, high = self.reach(above)
        # A decade below the rarest mistake stands none at all.
        self.y_range = low - 1, max(high, low + 1)
        parts = [*self.frame(), *self.curves()]
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        style = ' font-family="sans-serif" font-size="13">'
        ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        return "\n".join([head + style, ground, *parts, "</svg>", ""])

    @staticmethod
    def reach(values):
        """The powers of ten that hold all values."""
        return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)

    def x(self, value):
        low, high = self.x_range
        return LEFT + (math.log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        low, high = self.y_range
        power = math.log10(value) if value > 0 else low
        return HEIGHT - BOTTOM - (power - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def frame(self):
        low, high = self.x_range
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        for value in (tick for tick in TICKS if 10**low <= tick <= 10**high):
            yield line(self.x(value), TOP, self.x(value), bottom)
            yield words(self.x(value), bottom + 18, f"{value}", "middle")
        low, high = self.y_range
        for power in range(low, high + 1):
            at = self.y(10**power)
            yield line(LEFT, at, right, at)
            yield words(LEFT - 8, at + 4, "none" if power == low else f"{10.0**power:g}", "end")
        yield words((LEFT + right) / 2, HEIGHT - 18, self.across, "middle")
        yield words((LEFT + right) / 2, 24, self.title, "middle", ' font-weight="bold"')
        turned = f' transform="rotate(-90 18 {(TOP + bottom) / 2:.1f})"'
        yield words(18, (TOP + bottom) / 2, self.upwards, "middle", turned)

    def curves(self):
        for number, (name, points, joined) in enumerate(self.series):
            colour = COLOURS[number % len(COLOURS)]
            places = [(self.x(x), self.y(y)) for x, y in points]
            if joined:
                path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
                yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            for x, y in places:
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 if joined else 6}" fill="{colour}"/>'
            at = TOP + 10 + number * 22
            yield f'<circle cx="{WIDTH - RIGHT + 20}" cy="{at - 4}" r="5" fill="{colour}"/>'
            yield words(WIDTH - RIGHT + 32, at, name, "start")


def line(x1, y1, x2, y2):
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="#dddddd"/>'


def words(x, y, text, anchor, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'
