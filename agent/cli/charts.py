"""Small charts as SVG: lines, dots against a diagonal, marks in time. Colours are the page's."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 360.0, 190.0  # units; a phone shows one for a pixel, so text stays readable
LEFT, RIGHT, TOP, BOTTOM = 34.0, 8.0, 10.0, 22.0
ROW = 26.0  # of a timeline
TICKS = 4
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its name, its CSS class and its points."""

    name: str
    style: str
    points: Points


@dataclass(frozen=True, slots=True)
class Axis:
    """From where to where, and how a value is written."""

    low: float
    high: float
    form: str = "{:,.0f}"

    def share(self, value: float) -> float:
        """Where a value lies, 0 to 1."""
        if self.high <= self.low:
            return 0.5
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def ticks(self) -> list[float]:
        """Values to write."""
        step = (self.high - self.low) / TICKS
        return [self.low + step * number for number in range(TICKS + 1)] if step > 0 else [self.low]


def lines(title: str, across: Axis, up: Axis, drawn: Sequence[Line]) -> str:
    """A chart of lines over one pair of axes, with its legend."""
    marks = [
        _polyline(line, across, up) if len(line.points) > 1 else _dots(line, across, up)
        for line in drawn
    ]
    legend = "".join(
        f'<span><i class="{line.style}"></i>{escape(line.name)}</span>'
        for line in drawn
        if line.points
    )
    return f'{_figure(title, _frame(across, up) + "".join(marks))}<p class="legend">{legend}</p>'


def diagonal(title: str, bins: Sequence[tuple[float, float, int]]) -> str:
    """Confidence across and accuracy up; dots grow with their samples."""
    share = Axis(0, 1, "{:.0%}")
    most = max((samples for _, _, samples in bins), default=1)
    x0, y0 = _place(0, 0, share, share)
    x1, y1 = _place(1, 1, share, share)
    drawn = [f'<line class="ideal" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>']
    for confidence, accuracy, samples in bins:
        x, y = _place(confidence, accuracy, share, share)
        radius = 2.5 + 3.5 * (samples / most) ** 0.5
        told = f"{samples:,} samples: confidence {confidence:.0%}, right {accuracy:.0%}"
        drawn.append(
            f'<circle class="dot" cx="{x}" cy="{y}" r="{radius:.1f}"><title>{told}</title></circle>'
        )
    return _figure(title, _frame(share, share) + "".join(drawn))


def timeline(
    title: str, rows: Sequence[tuple[str, Points]], across: Axis, ends: Sequence[str]
) -> str:
    """Marks in time, a row for each name; the second number of a point chooses its colour."""
    height = ROW * len(rows) + BOTTOM
    drawn = []
    for number, (name, points) in enumerate(rows):
        middle = ROW * (number + 0.5)
        drawn.append(
            f'<line class="grid" x1="80" y1="{middle}" x2="{WIDTH - RIGHT}" y2="{middle}"/>'
        )
        drawn.append(f'<text class="tick" x="0" y="{middle + 3.5}">{escape(name)}</text>')
        for moment, kind in points:
            x = 80 + across.share(moment) * (WIDTH - RIGHT - 80)
            drawn.append(
                f'<line class="alarm kind{int(kind)}" x1="{x:.1f}" y1="{middle - 8}"'
                f' x2="{x:.1f}" y2="{middle + 8}"/>'
            )
    for x, anchor, text in zip((80, WIDTH - RIGHT), ("start", "end"), ends, strict=True):
        drawn.append(
            f'<text class="tick" x="{x}" y="{height - 6}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )
    return _figure(title, "".join(drawn), height)


def bar(share: float, style: str = "head") -> str:
    """A bar of a table."""
    return f'<span class="bar"><i class="{style}" style="width:{100 * share:.1f}%"></i></span>'


def _figure(title: str, content: str, height: float = HEIGHT) -> str:
    name = escape(title)
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" font-size="9.5" role="img" aria-label="{name}">'
        f"<title>{name}</title>{content}</svg>"
    )


def _frame(across: Axis, up: Axis) -> str:
    drawn = []
    for value in up.ticks():
        x, y = _place(across.low, value, across, up)
        drawn.append(f'<line class="grid" x1="{x}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>')
        drawn.append(
            f'<text class="tick" x="{x - 5}" y="{y + 3.5:.1f}" text-anchor="end">'
            f"{up.form.format(value)}</text>"
        )
    ticks = across.ticks()
    for number, value in enumerate(ticks):
        x, _ = _place(value, up.low, across, up)
        anchor = "start" if number == 0 else "end" if number == len(ticks) - 1 else "middle"
        drawn.append(
            f'<text class="tick" x="{x}" y="{HEIGHT - 7}" text-anchor="{anchor}">'
            f"{across.form.format(value)}</text>"
        )
    return "".join(drawn)


def _polyline(line: Line, across: Axis, up: Axis) -> str:
    placed = (_place(x, y, across, up) for x, y in line.points)
    path = " ".join(f"{x},{y}" for x, y in placed)
    return f'<polyline fill="none" class="line {line.style}" points="{path}"/>'


def _dots(line: Line, across: Axis, up: Axis) -> str:
    placed = (_place(x, y, across, up) for x, y in line.points)
    return "".join(f'<circle class="{line.style}" cx="{x}" cy="{y}" r="2.5"/>' for x, y in placed)


def _place(x: float, y: float, across: Axis, up: Axis) -> tuple[float, float]:
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    return (
        round(LEFT + across.share(x) * inner_width, 1),
        round(TOP + (1 - up.share(y)) * inner_height, 1),
    )
