# SPDX-License-Identifier: MIT OR Apache-2.0
"""What wsio is to reach, on libwebsockets 4.1.6."""

from collections.abc import Callable
from dataclasses import dataclass

import cases
import figures
from cases import KIB, MIB, size_name

SENDS = {
    "ws": {16: 4.5, 128: 3.5, KIB: 2.8, 16 * KIB: 1.75, 256 * KIB: 2.05, MIB: 2.05},
    "wss": {16: 2.8, 128: 2.6, KIB: 2.2, 16 * KIB: 1.6, 256 * KIB: 1.9, MIB: 1.9},
}
# "Never slower" with what one round differs from the next.
EQUAL = 0.97


@dataclass
class Goal:
    what: str
    bound: float
    value: Callable  # of the results, and the figure that speeds are compared by
    at_least: bool = True


def times(case: str, bound: float, base: str = "plain", figure: str = "") -> Goal:
    what = " ".join(word for word in (case, figure.removesuffix("_us"), "to", base) if word)
    return Goal(what, bound, lambda results, speed: figures.ratio(results, case, "wsio", base, figure or speed))


def at_most(what: str, case: str, bound: float, figure: str, scale: float = 1) -> Goal:
    def value(results, _):
        found = figures.median(results, case, "wsio", figure)
        return None if found is None else found * scale

    return Goal(what, bound, value, at_least=False)


def shared_library_kib(results, _):
    library = results.get("library")
    return None if library is None else library["libwsio.so"] / 1024


def all_goals() -> list[Goal]:
    found = []
    for scheme, sends in SENDS.items():
        for size, bound in sends.items():
            found.append(times(f"send/{scheme}/{size_name(size)}/w64", bound))
    found.append(times("send/ws/16B/w8192", 15))
    for case in cases.all_cases():
        if "wsio" not in case.clients:
            continue
        if case.mode == "receive" and case.scheme == "ws":
            found.append(times(case.name, 1.05))
        if case.mode == "pingpong":
            found += [times(case.name, EQUAL, figure=figure) for figure in ("p50_us", "p99_us")]
    for case in cases.all_cases():
        if "wsio" not in case.clients:
            continue
        if case.mode in ("send", "receive"):
            found.append(times(case.name, EQUAL, "raw"))
        if case.mode == "pingpong":
            found.append(times(case.name, EQUAL, "raw", "p50_us"))
    for limit in cases.LIMITS:
        for scheme, bound in (("ws", 15), ("wss", 42)):
            name = f"memory/{scheme}/nofile-{limit}"
            found.append(at_most(f"{name}, KiB", name, bound, "bytes_each", 1 / 1024))
    for name in ("open/wss", "open-more/wss"):
        found.append(at_most(f"{name}, ms", name, 1.1, "open_us", 1 / 1000))
    found.append(Goal("libwsio.so, KiB", 200, shared_library_kib, at_least=False))
    return found


GOALS = all_goals()
