# SPDX-License-Identifier: MIT OR Apache-2.0
"""Figures out of the results."""

import statistics


def median(results: dict, case: str, client: str, figure: str = "us") -> float | None:
    found = results["cases"].get(case, {}).get(client, {}).get(figure)
    return found["median"] if isinstance(found, dict) else found


def ratio(results: dict, case: str, client: str, base: str = "plain", figure: str = "us") -> float | None:
    """How many times as fast as `base`: the median over the rounds of what each
    round says, since both clients were measured shortly after each other in it."""
    figures = results["cases"].get(case, {})
    try:
        pairs = zip(figures[base][figure]["rounds"], figures[client][figure]["rounds"])
    except KeyError:
        return None
    return statistics.median(b / c for b, c in pairs)
