"""Runs a measuring program and reads, over the time that it measures, the CPU time of all processes that take part."""
import json
import os
import statistics
import subprocess
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
DEADLINE = 600  # seconds after which a measuring program is given up


class Failed(Exception):
    """A measurement that could not be made; the text says why."""


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS  # utime and stime, of all threads


def status_kib(pid, name):
    """A size out of /proc/PID/status: VmRSS is what is resident, VmHWM the most that ever was."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise Failed(f"no {name} of process {pid}")


def cpu_of(groups):
    return {name: sum(cpu_seconds(pid) for pid in pids) for name, pids in groups.items()}


def measure(command, groups):
    """Runs a program that says "measuring" and "measured", and then a JSON object. Returns that object with "cpu": the
    CPU seconds of each group of processes (name: process ids) and of the program itself ("load") in between."""
    command = [str(part) for part in command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          text=True) as child:
        groups = {**groups, "load": [child.pid]}
        before, after, last = None, None, ""
        for line in child.stdout:
            if line == "measuring\n":
                before = cpu_of(groups)
            elif line == "measured\n":
                after = cpu_of(groups)
            else:
                last = line
        complaint = child.stderr.read().strip()
        status = child.wait(DEADLINE)
    if status != 0 or before is None or after is None:
        raise Failed(complaint.splitlines()[-1] if complaint else f"{command[0]} ended with status {status}")
    result = json.loads(last)
    if result.get("errors"):
        raise Failed(f"{result['errors']} error replies, the first: {result['first_error']}")
    result["cpu"] = {name: after[name] - before[name] for name in groups}
    return result


def ask(command):
    """Runs a program that prints one JSON object."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=DEADLINE,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr.strip() or f"{command[0]} ended with status {done.returncode}")
    return json.loads(done.stdout)


def median(runs):
    """One run out of several: the median of every number in them."""
    merged = {}
    for key, value in runs[0].items():
        if isinstance(value, dict):
            merged[key] = median([run[key] for run in runs])
        elif isinstance(value, (int, float)):
            merged[key] = statistics.median(run[key] for run in runs)
        else:
            merged[key] = value
    return merged
