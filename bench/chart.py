# SPDX-License-Identifier: MIT OR Apache-2.0
"""Draws the chart of docs/PERFORMANCE.md: how many times as fast as plain."""

import math

import cases
from figures import ratio

# In the order of the bars. Colours that the colour-blind can tell apart.
BARS = {"raw": "#9aa5b1", "wsio": "#d55e00", "tungstenite": "#0072b2", "tcp": "#56b4e9"}
PANELS = [
    ("Sending, ws, window 64", "send/ws/{}/w64"),
    ("Sending, wss, window 64", "send/wss/{}/w64"),
    ("Receiving, ws", "receive/ws/{}"),
    ("Receiving, wss", "receive/wss/{}"),
]
WIDTH, HEIGHT = 440, 240  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 34, 28
GRID = [0.5, 1, 2, 5, 10, 20, 50, 100]
STYLE = """
text { font: 12px sans-serif; fill: #57606a }
.title { font-weight: bold }
.grid { stroke: #8b949e; stroke-opacity: .3 }
.one { stroke: #57606a; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) { text { fill: #c9d1d9 } .one { stroke: #c9d1d9 } }
"""


def text(x: float, y: float, what: str, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{what}</text>'


def panel(results: dict, title: str, pattern: str, top: float) -> list[str]:
    """A logarithmic scale: twice as fast and half as fast are equally far from 1."""
    height = HEIGHT - TOP - BOTTOM

    def y(value: float) -> float:
        share = math.log(value / GRID[0]) / math.log(top / GRID[0])
        return TOP + height * (1 - min(max(share, 0), 1))

    parts = [text(LEFT, 18, title, kind="title")]
    for line in (line for line in GRID if line <= top):
        kind = "one" if line == 1 else "grid"
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(line):.1f}" y2="{y(line):.1f}" class="{kind}"/>')
        parts.append(text(LEFT - 6, y(line) + 4, f"{line:g}×", "end"))
    step = (WIDTH - LEFT - RIGHT) / len(cases.SIZES)
    bar = step * 0.8 / len(BARS)
    for i, size in enumerate(cases.SIZES):
        x = LEFT + i * step + step * 0.1
        parts.append(text(x + step * 0.4, HEIGHT - 8, cases.size_name(size).replace("iB", "").replace("B", " B"), "middle"))
        for j, (client, colour) in enumerate(BARS.items()):
            value = ratio(results, pattern.format(cases.size_name(size)), client)
            if value is not None:
                low, high = sorted((y(value), y(1)))
                parts.append(
                    f'<rect x="{x + j * bar:.1f}" y="{low:.1f}" width="{bar - 1:.1f}" '
                    f'height="{max(high - low, 1):.1f}" fill="{colour}"><title>{client}: {value:.2f}×</title></rect>'
                )
    return parts


def draw(results: dict) -> str:
    values = [
        ratio(results, pattern.format(cases.size_name(size)), client) or 1
        for _, pattern in PANELS
        for size in cases.SIZES
        for client in BARS
    ]
    top = next((line for line in GRID if line >= max(values)), GRID[-1])
    rows = (len(PANELS) + 1) // 2
    width, height = 2 * WIDTH, rows * HEIGHT + 56
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>Speed of raw, wsio, tungstenite and tcp relative to plain</title>",
        f"<style>{STYLE}</style>",
        text(LEFT, 22, "How many times as fast as a plain client on libwebsockets (1× = plain)", kind="title"),
    ]
    for i, (client, colour) in enumerate(BARS.items()):
        x = LEFT + i * 110
        parts.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/>' + text(x + 18, 44, client))
    for i, (title, pattern) in enumerate(PANELS):
        parts.append(f'<g transform="translate({i % 2 * WIDTH} {56 + i // 2 * HEIGHT})">')
        parts += panel(results, title, pattern, top)
        parts.append("</g>")
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
