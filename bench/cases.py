# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is measured: every case has a name, and the driver's arguments."""

from dataclasses import dataclass

KIB, MIB = 1024, 1024 * 1024
SIZES = [16, 128, KIB, 16 * KIB, 256 * KIB, MIB]
WINDOWS = [1, 64, 8192]
SCHEMES = ["ws", "wss"]
CLIENTS = ["plain", "raw", "wsio", "tungstenite", "tcp"]
# One thread that waits in each call, through websock.h and tungstenite.
BLOCKING = ["websock", "tungstenite-blocking"]
LIMITS = [1024, 1_048_576]
# More than this is not queued: 8,192 messages of 16 KiB are 128 MiB, and of
# 1 MiB, 8 GiB.
QUEUE_LIMIT = 64 * MIB


@dataclass(frozen=True)
class Case:
    name: str
    mode: str
    scheme: str
    arguments: tuple[int | str, ...] = ()
    clients: tuple[str, ...] = tuple(CLIENTS)
    # Measured once, not in every round: no timing, or an average of many.
    once: bool = False
    nofile: int = 0


def size_name(size: int) -> str:
    if size < KIB:
        return f"{size}B"
    return f"{size // KIB}KiB" if size < MIB else f"{size // MIB}MiB"


def send_count(size: int) -> int:
    """Messages a batch: some milliseconds, so that many of them are not disturbed."""
    return max(8, min(2048, 4 * MIB // size))


def receive_count(size: int) -> int:
    return max(8, min(16384, 4 * MIB // size))


def send_case(scheme: str, size: int, window: int) -> Case:
    name = f"send/{scheme}/{size_name(size)}/w{window}"
    count = send_count(size)
    return Case(name, "send", scheme, ("--size", size, "--window", window, "--count", count))


def receive_case(scheme: str, size: int) -> Case:
    name = f"receive/{scheme}/{size_name(size)}"
    return Case(name, "receive", scheme, ("--size", size, "--count", receive_count(size)))


def all_cases() -> list[Case]:
    cases = []
    for scheme in SCHEMES:
        for size in SIZES:
            cases += [send_case(scheme, size, w) for w in WINDOWS if size * w <= QUEUE_LIMIT]
            cases.append(receive_case(scheme, size))
            cases.append(
                Case(f"pingpong/{scheme}/{size_name(size)}", "pingpong", scheme, ("--size", size))
            )
    for scheme in SCHEMES:
        for size in (16, KIB, 16 * KIB):
            cases.append(
                Case(f"paced/{scheme}/{size_name(size)}", "paced", scheme, ("--size", size))
            )
        for size in (16, KIB, 16 * KIB):
            arguments = ("--size", size, "--window", 1024)
            cases.append(Case(f"both/{scheme}/{size_name(size)}", "both", scheme, arguments))
        cases.append(Case(f"idle/{scheme}", "idle", scheme, ("--count", 50000)))
        count = ("--count", 200 if scheme == "ws" else 30)
        cases.append(Case(f"open/{scheme}", "open", scheme, count))
        cases.append(Case(f"open-more/{scheme}", "open-more", scheme, count))
    for scheme in SCHEMES:
        for limit in LIMITS:
            # By default lws takes 16 MiB for each context at the higher limit.
            few = ("plain",) if limit > 100_000 else ()
            # tcp's frames that are made beforehand would be counted.
            others = tuple(client for client in CLIENTS if client not in (*few, "tcp"))
            name = f"memory/{scheme}/nofile-{limit}"
            cases.append(
                Case(name, "memory", scheme, ("--count", 1000), others, once=True, nofile=limit)
            )
            for client in few:
                cases.append(
                    Case(name, "memory", scheme, ("--count", 50), (client,), True, limit)
                )
    cases += blocking_cases()
    for size in (16, KIB, 16 * KIB):
        arguments = ("--size", size, "--count", min(100_000, QUEUE_LIMIT // size))
        name = f"backlog/ws/{size_name(size)}"
        # The others do not copy what is queued.
        cases.append(Case(name, "backlog", "ws", arguments, ("plain", "wsio"), once=True))
    return cases


def blocking_cases() -> list[Case]:
    cases = []
    for scheme in SCHEMES:
        for size in SIZES:
            found = (
                ("send", "send-waiting", send_case(scheme, size, 1).arguments),
                ("receive", "receive", receive_case(scheme, size).arguments),
                ("pingpong", "pingpong", ("--size", size)),
            )
            cases += [
                Case(f"blocking-{name}/{scheme}/{size_name(size)}", mode, scheme, arguments, tuple(BLOCKING))
                for name, mode, arguments in found
            ]
        count = 200 if scheme == "ws" else 30
        cases.append(Case(f"blocking-open/{scheme}", "open", scheme, ("--count", count), tuple(BLOCKING)))
    return cases


def system_call_cases() -> list[Case]:
    """Run under strace, so not timed."""
    found = [send_case("ws", 16, 1)]
    found += [send_case("ws", size, 64) for size in SIZES]
    found += [receive_case("ws", size) for size in SIZES]
    found += [send_case("wss", size, 64) for size in SIZES]
    return [
        Case(f"syscalls/{case.name}", case.mode, case.scheme, case.arguments, once=True) for case in found
    ]
