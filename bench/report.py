"""The report: tables in Markdown, and how each ratio stands against its target."""
import os
import platform
import re
import statistics
import time
from pathlib import Path

import measure
from sections import AOF, ALWAYS, DIRECT, IDLE_CONNECTIONS, KAFKA, LONG_REPLAY, RAW, REPLAY, SQLITE

PROCESSES = ("redis", "holdfast", "brokers", "nutcracker", "predixy", "load")
GROWTH = 1.25  # "constant memory", as far as one can measure it


def machine(redis_version):
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (f"{time.strftime('%Y-%m-%d')}; {os.cpu_count()} cores ({cpu.group(1) if cpu else platform.machine()}), "
            f"{memory:.0f} GiB, Linux {platform.release()}; {redis_version}; load average at the start "
            f"{os.getloadavg()[0]:.1f}")


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(['---'] * len(head))}|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def duration(microseconds):
    return f"{microseconds:.0f} µs" if microseconds < 1000 else f"{microseconds / 1000:.2f} ms"


def cpu_text(cpu):
    return ", ".join(f"{name} {cpu[name]:.2f}" for name in PROCESSES if name in cpu)


def medians(results, section):
    for (this, shape, name), runs in results.items():
        good = [run for run in runs if run]
        if this == section and good:
            yield shape, name, measure.median(good)


def rates(results, section):
    rows = []
    for shape, name, run in medians(results, section):
        row = [str(shape[0]), str(shape[1]), name, f"{run['per_second']:,.0f}", duration(run["p50_us"]),
               duration(run["p99_us"]), duration(run["p999_us"]), cpu_text(run["cpu"])]
        if section not in ("get", "tls"):
            row[4:4] = ([f"{run['bytes_per_second'] / 1e6:.1f}", f"{run['commands_per_entry']:.1f}"]
                        if "bytes_per_second" in run else ["", ""])
        rows.append(row)
    head = ["connections", "pipeline", "", "GET/s" if section == "tls" else f"{section.upper()}/s", "p50", "p99", "p99.9", "CPU seconds"]
    if section not in ("get", "tls"):
        head[4:4] = ["log MB/s", "commands per entry"]
    return table(head, rows)


def replays(results):
    rows = []
    for _, name, run in medians(results, "replay"):
        rows.append([name, f"{run['seconds']:.2f} s", f"{run['per_second']:,.0f}",
                     f"{run['peak_mb']:.0f} MiB" if "peak_mb" in run else "", cpu_text(run["cpu"])])
    return table(["", "time", "commands/s", "most memory of Holdfast", "CPU seconds"], rows)


def idles(results):
    rows = []
    for count, _, run in medians(results, "idle"):
        rows.append([f"{count:,}", f"{run['before_mb']:.0f} MiB", f"{run['with_mb']:.0f} MiB",
                     f"{run['kib_each']:.1f} KiB"])
    return table(["idle connections", "Holdfast before", "with them", "each"], rows)


SECTIONS = {
    "set": ("Durable writes: SET of 100 bytes", lambda results: rates(results, "set")),
    "incr": ("Durable writes: INCR", lambda results: rates(results, "incr")),
    "get": ("Reads: GET of 100 bytes", lambda results: rates(results, "get")),
    "tls": ("Reads over TLS, beside those without", lambda results: rates(results, "tls")),
    "replay": ("Recovery: a log of SETs into an empty Redis", replays),
    "idle": ("Memory", idles),
}


def sections(results):
    for section, (title, make) in SECTIONS.items():
        if any(key[0] == section for key in results):
            yield f"## {title}\n\n{make(results)}"


# --- targets -------------------------------------------------------------------------------------------------------

class Targets:
    """What is to be reached. Ratios are of runs that were made one right after the other; their median counts."""

    def __init__(self, results, ran, commands):
        self.results = results
        self.ran = ran
        self.commands = commands
        self.lines = []

    def ratio(self, section, shape, ours, theirs, metric):
        pairs = zip(self.results.get((section, shape, ours), []), self.results.get((section, shape, theirs), []))
        values = [one[metric] / other[metric] for one, other in pairs if one and other]
        return statistics.median(values) if values else None

    def add(self, section, what, value, text, limit, at_most):
        """text: how to print a value."""
        if section not in self.ran:
            return
        if value is None:
            verdict = "not measured"
        else:
            verdict = "met" if (value <= limit if at_most else value >= limit) else "missed"
        self.lines.append({"target": what, "value": value, "limit": limit, "verdict": verdict,
                           "text": "" if value is None else text.format(value),
                           "limit_text": ("at most " if at_most else "at least ") + text.format(limit)})

    def check(self):
        ratio, count = self.ratio, self.commands
        self.add("set", "SET at 1 connection, Kafka: p50 against raw librdkafka",
                 ratio("set", (1, 1), KAFKA, RAW, "p50_us"), "{:.2f} x", 1.3, True)
        self.add("set", "SET at 50 connections, pipeline 16, Kafka: bytes per second against raw librdkafka",
                 ratio("set", (50, 16), KAFKA, RAW, "bytes_per_second"), "{:.0%}", 0.5, False)
        self.add("set", "SET at 50 connections, SQLite: against appendfsync always",
                 ratio("set", (50, 1), SQLITE, ALWAYS, "per_second"), "{:.0%}", 1.0, False)
        self.add("get", "GET at 50 connections: against direct",
                 ratio("get", (50, 1), SQLITE, DIRECT, "per_second"), "{:.0%}", 0.95, False)
        self.add("get", "GET at 50 connections, pipeline 16: against direct",
                 ratio("get", (50, 16), SQLITE, DIRECT, "per_second"), "{:.0%}", 0.6, False)
        self.add("replay", f"replay of {count:,} SETs: speed against the load of an AOF",
                 ratio("replay", count, REPLAY, AOF, "per_second"), "{:.0%}", 1.0, False)
        self.add("replay", "replay of a longer log: most memory, against the shorter",
                 ratio("replay", count, LONG_REPLAY, REPLAY, "peak_mb"),
                 "{:.2f} x", GROWTH, True)
        idle = next((run["with_mb"] for _, _, run in medians(self.results, "idle")), None)
        self.add("idle", f"memory with {IDLE_CONNECTIONS:,} idle connections", idle and idle * 1.048576,
                 "{:.0f} MB", 200, True)
        return self.lines

    def text(self):
        rows = [[line["target"], line["text"], line["limit_text"], line["verdict"]] for line in self.lines]
        return "## Targets\n\n" + table(["", "measured", "target", ""], rows)
