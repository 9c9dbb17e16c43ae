#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Results as tables: for the terminal, and for docs/PERFORMANCE.md.

    bench/report.py RESULTS.json             prints them
    bench/report.py RESULTS.json --publish   puts tables and chart into docs/, and
                                             keeps the file in bench/results/
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import cases
import chart
import goals
from figures import median, ratio

BENCH = Path(__file__).resolve().parent
DOCS = BENCH.parent / "docs"


@dataclass
class Table:
    name: str
    title: str
    header: list[str]
    rows: list[list[str]]


def number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{unit}"


def times(value: float | None) -> str:
    return number(value, "×")


def rate(us: float | None) -> str:
    """Messages a second."""
    if us is None:
        return "–"
    each = 1e6 / us
    return f"{each / 1e6:.2f} M" if each >= 1e6 else f"{each / 1e3:.1f} k" if each >= 1e3 else f"{each:.0f}"


def mask_limit(results: dict, size: int, plain_us: float | None) -> float | None:
    """How many times as fast as plain a client would be that did nothing but mask."""
    mask_ns = results.get("mask_ns")
    return None if mask_ns is None or plain_us is None else plain_us * 1e3 / (size * mask_ns)


def one_way(results: dict, mode: str, scheme: str, figure: str) -> Table:
    others = [client for client in cases.CLIENTS if client not in ("plain", "wsio")]
    sends = mode == "send"
    header = ["messages", "plain, 1/s", "wsio, 1/s", "wsio, MiB/s", "wsio", *others, "server busy"]
    if sends:
        header.append("limit")
    rows = []
    for case in cases.all_cases():
        if (case.mode, case.scheme) != (mode, scheme) or "wsio" not in case.clients or case.name not in results["cases"]:
            continue
        size = case.arguments[case.arguments.index("--size") + 1]
        us = median(results, case.name, "wsio", figure)
        label = cases.size_name(size)
        if sends:
            label += f", window {case.arguments[case.arguments.index('--window') + 1]:,}"
        share = median(results, case.name, "wsio", "server_share")
        plain = median(results, case.name, "plain", figure)
        rows.append([
            label,
            rate(plain),
            rate(us),
            number(None if us is None else size / us * 1e6 / cases.MIB),
            times(ratio(results, case.name, "wsio", figure=figure)),
            *(times(ratio(results, case.name, other, figure=figure)) for other in others),
            "–" if share is None else f"{share:.0%}",
            *([times(mask_limit(results, size, plain))] if sends else []),
        ])
    verb = "Sending" if sends else "Receiving"
    return Table(f"{mode}-{scheme}", f"{verb}, {scheme}:// (× = as fast as plain)", header, rows)


def by_client(results: dict, name: str, title: str, prefix: str, show, clients=tuple(cases.CLIENTS)) -> Table:
    """A row a case, a column a client."""
    names = [case for case in results["cases"] if case.startswith(prefix)]
    rows = [
        [case.removeprefix(prefix), *(show(case, client) for client in clients)]
        for case in sorted(names, key=natural)
    ]
    return Table(name, title, ["", *clients], rows)


def blocking(results: dict, speed: str) -> list[Table]:
    """What blocks, beside tungstenite."""

    def throughput(case, client):
        us = median(results, case, client, speed)
        return "–" if us is None else f"{rate(us)} ({times(ratio(results, case, client, cases.BLOCKING[-1], speed))})"

    def trip(case, client):
        p50 = median(results, case, client, "p50_us")
        return "–" if p50 is None else f"{number(p50)} / {number(median(results, case, client, 'p99_us'))}"

    def opening(case, client):
        return number(median(results, case, client, "open_us"))

    return [
        by_client(results, f"blocking-{mode}", title, f"blocking-{mode}/", show, tuple(cases.BLOCKING))
        for mode, title, show in (
            ("send", "Blocking: sending, messages a second (× tungstenite)", throughput),
            ("receive", "Blocking: receiving, messages a second (× tungstenite)", throughput),
            ("pingpong", "Blocking: round trip, p50 / p99, µs", trip),
            ("open", "Blocking: time to open, µs", opening),
        )
    ]


def natural(name: str) -> list:
    units = {"B": 1, "KiB": cases.KIB, "MiB": cases.MIB}
    parts = re.split(r"(\d+)(B|KiB|MiB)?", name)
    return [
        (0, int(part) * units.get(parts[i + 1] or "B", 1), "") if part and part.isdigit() else (1, 0, part or "")
        for i, part in enumerate(parts)
    ]


def tables(results: dict, speed: str = "us") -> list[Table]:
    """`speed`: the figure that speeds are compared by."""

    def figure(key: str, scale: float = 1):
        def show(case, client):
            value = median(results, case, client, key)
            return number(None if value is None else value * scale)
        return show

    def trip(case, client):
        p50 = median(results, case, client, "p50_us")
        return "–" if p50 is None else f"{number(p50)} / {number(median(results, case, client, 'p99_us'))}"

    def memory(case, client):
        each = median(results, case, client, "bytes_each")
        return "–" if each is None else f"{number(each / 1024)} (of {median(results, case, client, 'count')})"

    def both(case, client):
        turn, share = (median(results, case, client, key) for key in ("turn_us", "share"))
        return "–" if turn is None else f"{number(turn)}; {share:.0%}"

    def backlog(case, client):
        each, left = (median(results, case, client, key) for key in ("bytes_each", "bytes_left"))
        return "–" if each is None else f"{each:.0f}; {left / 1024:.0f}"

    found = [one_way(results, mode, scheme, speed) for scheme in cases.SCHEMES for mode in ("send", "receive")]
    found += [
        by_client(results, "pingpong", "Ping-pong: p50 / p99, µs", "pingpong/", trip),
        by_client(results, "paced", "Processor time a message at 10,000 a second, µs", "paced/", figure("cpu_us")),
        by_client(results, "both", "The longest turn while both directions are busy, µs; received of what was sent", "both/", both),
        by_client(results, "syscalls", "System calls a message", "syscalls/", figure("calls")),
        by_client(results, "idle", "A turn in which there is nothing to do, µs", "idle/", figure("turn_us")),
        by_client(results, "open", "Time to open, µs", "open/", figure("open_us")),
        by_client(results, "open-more", "Time to open when another is open, µs", "open-more/", figure("open_us")),
        by_client(results, "memory", "Resident memory a connection, KiB", "memory/", memory),
    ]
    found.append(by_client(results, "backlog", "Resident memory a queued message, bytes; left of all when they are out, KiB", "backlog/", backlog))
    found += blocking(results, speed)
    if "library" in results:
        library = results["library"]
        found.append(Table("library", "The library, stripped", ["", ""], [
            ["libwsio.so", f"{library['libwsio.so'] / 1024:.1f} KiB"],
            ["libwsio.a", f"{library['libwsio.a'] / 1024:.1f} KiB"],
            ["relocations when it is loaded", str(library["relocations"])],
            ["constructors that run then", str(library["constructors"])],
        ]))
    found.append(goal_table(results, speed))
    return [table for table in found if table.rows]


def goal_table(results: dict, speed: str) -> Table:
    rows = []
    for goal in goals.GOALS:
        value = goal.value(results, speed)
        if value is not None:
            reached = value >= goal.bound if goal.at_least else value <= goal.bound
            sign = "≥" if goal.at_least else "≤"
            rows.append([goal.what, f"{sign} {goal.bound:g}", number(value), "yes" if reached else "NO"])
    return Table("goals", "Goals", ["figure", "goal", "measured", "reached"], rows)


def as_text(results: dict, speed: str = "us") -> str:
    parts = []
    for table in tables(results, speed):
        lines = [table.header, *table.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(table.header))]
        parts.append(table.title)
        for line in lines:
            cells = [cell.ljust(widths[0]) if i == 0 else cell.rjust(widths[i]) for i, cell in enumerate(line)]
            parts.append("  " + "  ".join(cells).rstrip())
        parts.append("")
    return "\n".join(parts)


def as_markdown(table: Table) -> str:
    lines = [table.header, ["---", *["--:"] * (len(table.header) - 1)], *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine_text(machine: dict) -> str:
    virtual = " (virtual)" if machine["virtual"] else ""
    return (
        f"{machine['date']}: {machine['cpu']}{virtual}, {machine['processors']} processors, "
        f"Linux {machine['kernel']}, libwebsockets {machine['libwebsockets']}, OpenSSL {machine['openssl']}, "
        f"{machine['rustc'].split(' (')[0]}, {machine['cc']}; rounds: {machine['rounds']}."
    )


def publish(results: dict):
    """Replaces what is between <!-- NAME --> and <!-- end --> in the document."""
    document = DOCS / "PERFORMANCE.md"
    text = document.read_text()
    parts = {table.name: as_markdown(table) for table in tables(results)}
    parts["machine"] = machine_text(results["machine"])
    for name, part in parts.items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}\n{part}\n\n{m[2]}", text, flags=re.S
        )
    document.write_text(text)
    (DOCS / "performance.svg").write_text(chart.draw(results))
    kept = BENCH / "results" / f"lws-{results['machine']['libwebsockets']}.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    loaded = json.loads(Path(sys.argv[1]).read_text())
    if "--publish" in sys.argv:
        publish(loaded)
    else:
        print(as_text(loaded))
