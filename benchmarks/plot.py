"""A plot of two profiles' buffers by statement, as SVG."""

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path

_ROW, _LEFT, _WIDTH, _TOP = 26, 190, 520, 60
_FONT = 'font-family="sans-serif" font-size="12"'
_COLOURS = ("#8a8f98", "#2f6fdf")


def bars(file: Path, title: str, names: tuple[str, str], values: Mapping[str, list[float]]) -> None:
    """Write a plot with two bars for each key, on a logarithmic scale.

    Args:
        file: The file.
        title: What the bars are.
        names: What the first and the second of them is.
        values: Both lengths, by key.
    """
    most = max(max(pair) for pair in values.values())
    decades = math.ceil(math.log10(max(10, most)))
    width = _LEFT + _WIDTH + 90
    height = _TOP + _ROW * len(values) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {_FONT}>',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20" font-size="14">{escape(title)}</text>',
    ]
    for number, name in enumerate(names):
        left = 10 + 110 * number
        parts.append(
            f'<rect x="{left}" y="30" width="12" height="12" fill="{_COLOURS[number]}"/>'
            f'<text x="{left + 18}" y="40">{escape(name)}</text>'
        )
    for decade in range(decades + 1):
        at = _LEFT + _WIDTH * decade / decades
        parts.append(
            f'<line x1="{at:.0f}" y1="{_TOP - 6}" x2="{at:.0f}" y2="{height - 20}"'
            f' stroke="#dddddd"/><text x="{at:.0f}" y="{height - 6}" text-anchor="middle"'
            f' fill="#666666">{10**decade}</text>'
        )
    for row, (key, pair) in enumerate(values.items()):
        top = _TOP + _ROW * row
        parts.append(f'<text x="{_LEFT - 8}" y="{top + 14}" text-anchor="end">{escape(key)}</text>')
        for number, value in enumerate(pair):
            length = max(1.0, _WIDTH * math.log10(max(1.0, value)) / decades)
            y = top + 10 * number
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="9"'
                f' fill="{_COLOURS[number]}"/><text x="{_LEFT + length + 4:.1f}" y="{y + 9}"'
                f' font-size="10">{value:.0f}</text>'
            )
    file.write_text("\n".join([*parts, "</svg>", ""]), "utf-8")
