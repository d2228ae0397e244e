#!/usr/bin/env python3
"""Shows that the simulation finds what it is for: builds the core with each of the deliberate bugs in turn
(core/deliberate_bug.h) and runs seeds until one fails. A bug that none of them catches is a failure of the simulation.

Prints a row for each bug, as docs/deliberate-bugs.md has it. Exit status 0: all were caught."""
import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = "build/deliberate-bug"

BUGS = {
    1: "effects are not compared with what the log says",
    2: "effects between batches (expiry, eviction) are not logged",
    3: "replies do not wait for their EFFECTS record",
    4: "an unknown outcome of the log is taken for committed",
    5: "gaps in the positions of the log are not noticed",
    6: "after a restart the marker is not looked at: batches are executed twice",
    7: "an unknown outcome of the log is taken for not written",
    8: "scripts in the unsettled tail are executed by each replica for itself",
    9: "replies do not wait for the removals of their keys",
    10: "a read may overtake a write of the same client",
    11: "effects whose record is void are forgotten",
    12: "replies leave before what they say is settled",
}


def bugs_in_core():
    found = set()
    for source in (ROOT / "core").rglob("*.cc"):
        found |= {int(number) for number in re.findall(r"kDeliberateBug [!=]= (\d+)", source.read_text())}
    return found


def build(bug):
    subprocess.run(["scripts/build", BUILD, "simulation", "--", f"-DHOLDFAST_BUG={bug}"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)


def caught_by(seeds):
    """The line that tells the first seed that failed and why; None if none did."""
    run = subprocess.run([f"{BUILD}/tests/simulation", "--seeds", str(seeds)], cwd=ROOT, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace")
    if run.returncode == 0:
        return None
    return next((line for line in run.stdout.splitlines() if line.startswith("seed ")), None)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=4000, help="how many seeds a bug may survive (%(default)s)")
    arguments.add_argument("bugs", type=int, nargs="*", help="their numbers (all)")
    options = arguments.parse_args()

    if bugs_in_core() != set(BUGS):
        sys.exit(f"core has the bugs {sorted(bugs_in_core())}, this script knows {sorted(BUGS)}")
    survivors = []
    print("| bug | what is wrong | caught by |\n|---|---|---|")
    for bug in options.bugs or sorted(BUGS):
        build(bug)
        line = caught_by(options.seeds)
        if line is None:
            survivors.append(bug)
            line = "**nothing**"
        print(f"| {bug} | {BUGS[bug]} | {line.rstrip(':')} |", flush=True)
    if survivors:
        sys.exit(f"not caught within {options.seeds} seeds: {survivors}")


if __name__ == "__main__":
    main()
