#!/usr/bin/env python3
"""Redis's own test-suite (7.0.15, out of Debian's source package): in its external mode, each file against a fresh Redis
with Holdfast in front; and files with tests that start their servers themselves also in its own mode (own/unit/limits),
where the program redis-server beside this file takes the place of Redis. passing.txt holds what passes against plain
Redis: all of that must pass here, but for what stands in exceptions.txt with its reason, and is left out.

  redis_suite.py [FILE...]         all files, or those named (unit/type/list)
  redis_suite.py --fast            those that take a few seconds and do not depend on the time that something takes
  redis_suite.py --plain [FILE...] against plain Redis: writes passing.txt anew

Prints for each file how many tests passed, of how many, and which did not. The exit status is 0 if all did."""
import collections
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

import harness  # noqa: E402

VERSION = "7.0.15"
SUITE = harness.CACHE / f"redis-suite-{VERSION}"
PASSING, EXCEPTIONS = HERE / "passing.txt", HERE / "exceptions.txt"
# Not even plain Redis passes it: it asks for a process that an external server does not tell.
NOT_EXTERNAL = ["SRANDMEMBER with a dict containing long chain"]
RESULT = re.compile(r"\[(ok|err|exception)\]: (.*?)(?: \(\d+ ms\))?$")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
FAST = ["unit/protocol", "unit/keyspace", "unit/info-command", "unit/type/incr", "unit/quit", "unit/pubsub",
        "unit/scripting", "unit/functions", "unit/lazyfree", "unit/bitfield", "own/unit/limits", "own/unit/pubsub",
        "own/unit/pubsubshard", "own/unit/auth", "own/unit/acl", "own/unit/acl-v2"]
OWN = ["own/unit/" + name for name in ("pubsub", "pubsubshard", "maxmemory", "limits", "info", "info-command", "networking",
                                       "querybuf", "obuf-limits", "client-eviction", "other", "tracking", "multi", "auth",
                                       "acl", "acl-v2", "dump", "tls")]
TIME_LIMIT = 600  # seconds for a file


def fetch():
    """The sources, by apt, whose own lists are left alone."""
    if (SUITE / "runtest").exists():
        return
    with tempfile.TemporaryDirectory() as directory:
        sources, lists = Path(directory) / "sources", Path(directory) / "lists"
        sources.mkdir()
        (lists / "partial").mkdir(parents=True)
        for path in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]:
            if path.suffix == ".sources":
                text = re.sub(r"(?m)^Types:.*", "Types: deb-src", path.read_text())
                (sources / path.name).write_text(text)
            elif path.suffix == ".list" and path.exists():
                lines = re.findall(r"(?m)^deb\s.*", path.read_text())
                (sources / path.name).write_text("".join(f"deb-src{line[3:]}\n" for line in lines))
        options = ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={sources}",
                   "-o", f"Dir::State::lists={lists}", "-o", "APT::Sandbox::User=root"]
        subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
        subprocess.run(["apt-get", *options, "-qq", "source", "--download-only", "redis"], check=True, cwd=directory)
        archive = next(Path(directory).glob("redis_*.orig.tar.gz"))
        SUITE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "-xzf", archive, "-C", SUITE, "--strip-components=1"], check=True)
    for program in ("redis-server", "redis-cli", "redis-benchmark"):
        link = SUITE / "src" / program
        link.unlink(missing_ok=True)
        link.symlink_to(shutil.which(program))


def own_mode(plain):
    """A directory to run the suite in, with what it is to take for Redis."""
    directory = harness.CACHE / f"redis-suite-{VERSION}-own" / ("plain" if plain else "holdfast")
    (directory / "src").mkdir(parents=True, exist_ok=True)
    (directory / "tests").mkdir(exist_ok=True)
    links = {directory / name: SUITE / name for name in ("runtest", "redis.conf", "deps")}
    links |= {directory / "tests" / path.name: path for path in (SUITE / "tests").iterdir() if path.name != "tmp"}
    links |= {directory / "src" / name: SUITE / "src" / name for name in ("redis-cli", "redis-benchmark")}
    links[directory / "src" / "redis-server"] = harness.redis_server(VERSION) if plain else HERE / "redis-server"
    for link, target in links.items():
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    (directory / "tests" / "tmp").mkdir(exist_ok=True)
    return directory


def prepare_tls():
    subprocess.run([harness.ROOT / "scripts" / "install-deps", "suite-tls"], check=True)
    if not (SUITE / "tests" / "tls" / "redis.dh").exists():
        subprocess.run(["bash", "utils/gen-test-certs.sh"], cwd=SUITE, check=True, capture_output=True)


def files():
    text = (SUITE / "tests" / "test_helper.tcl").read_text()
    names = re.search(r"set ::all_tests \{(.*?)\}", text, re.DOTALL).group(1).split()
    return [name for name in names if name.startswith("unit/") and name != "unit/tls"]


def entries(path):
    """[[file, rest of the line]], for the lines that are no comments."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


class Run(harness.SystemTest):
    """Servers for one file, and what the suite says of them."""

    def runTest(self):
        pass

    def results(self, plain, name, left_out):
        """{test: how often it passed}, {test: what went wrong}"""
        if name.startswith("own/"):
            return self.run_own(plain, name.removeprefix("own/"), left_out)
        passed, failed, ends = self.run_file(self.fresh(plain), name, left_out)
        if not ends:
            # A part of the file wants a setting that Holdfast refuses, and nothing behind it has run.
            more = self.run_file(self.fresh(plain), name, left_out, ["--tags", "-needs:debug"])
            passed, failed = passed | more[0], failed | more[1]
        return passed, failed

    def run_own(self, plain, name, left_out):
        options = ["--single", name]
        if name == "unit/tls":
            prepare_tls()
            options.append("--tls")
        passed, failed, _ = self.run_suite(options, left_out, own_mode(plain))
        return passed, failed

    def run_file(self, port, name, left_out, options=()):
        """… and whether it came to its end."""
        return self.run_suite(["--host", "127.0.0.1", "--port", str(port), "--single", name, *options],
                        [*NOT_EXTERNAL, *left_out], SUITE)

    def run_suite(self, options, left_out, directory):
        skip = self.directory / "skip.txt"
        skip.write_text("\n".join(left_out))
        command = ["./runtest", *options, "--durable", "--timeout", "180", "--clients", "1", "--skipfile", str(skip),
                   "--baseport", str(harness.free_port())]
        passed, failed, ends = collections.Counter(), {}, True
        said = self.play(command, directory)
        for line, reason in zip(said, [*said[1:], ""]):
            ends = ends and "(procedure \"run_external_server_test\"" not in line
            if found := RESULT.search(line):
                test = found.group(2).split(" in tests/unit")[0]
                if found.group(1) == "ok":
                    passed[test] += 1
                else:
                    failed[test] = f"{line}: {reason}"
        return passed, failed, ends

    def play(self, command, directory):
        """What it prints, line by line. It may hang: a test that waits for what does not come."""
        path = self.directory / "suite.txt"
        with path.open("wb") as file, subprocess.Popen(command, cwd=directory, stdout=file, stderr=subprocess.STDOUT,
                                                       start_new_session=True) as child:
            try:
                child.wait(TIME_LIMIT)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return COLOURS.sub("", path.read_text(errors="replace")).splitlines()

    def fresh(self, plain):
        """The port of a new server."""
        for process in reversed(self._started):
            process.kill()
        self._started.clear()
        if plain:
            return self.redis(name="plain").port
        log = Path(tempfile.mkdtemp(dir=self.directory)) / "log.db"
        return self.holdfast(self.redis(), f"sqlite:{log}").port


def main():
    plain = "--plain" in sys.argv
    fetch()
    names = [argument for argument in sys.argv[1:] if not argument.startswith("-")] or \
        (FAST if "--fast" in sys.argv else files() + OWN)
    left_out = {(name, test) for name, test, *_ in entries(EXCEPTIONS)}
    expected = {}
    for name, test in entries(PASSING):
        expected.setdefault(name, collections.Counter())[test] += 1
    run = Run()
    run._result = run.defaultTestResult()
    run.setUp()
    in_all = of = bad = 0
    try:
        for name in names:
            begin = time.monotonic()
            excepted = [] if plain else [test for file, test in left_out if file in (name, name.removeprefix("own/"))]
            passed, failed = run.results(plain, name, excepted)
            if plain:
                expected[name] = passed
            wanted = expected.get(name, collections.Counter())
            lost = [test for test in wanted if test not in excepted and passed[test] < wanted[test]]
            in_all += sum((passed & wanted).values())
            of += sum(wanted.values())
            bad += len(lost)
            print(f"{name:30} {sum((passed & wanted).values()):5} of {sum(wanted.values()):5}"
                  f"  {time.monotonic() - begin:4.0f} s", flush=True)
            for test in lost:
                print(f"    {failed.get(test, f'missing: {test}')}", flush=True)
    finally:
        for process in reversed(run._started):
            process.kill()
        shutil.rmtree(run.directory, ignore_errors=True)
    if plain:
        lines = [f"{name}\t{test}\n" for name in sorted(expected) for test in sorted(expected[name].elements())]
        head = "# What passes against plain Redis, file and test: made by redis_suite.py --plain.\n"
        PASSING.write_text(head + "".join(lines))
    print(f"{'in all':30} {in_all:5} of {of:5}; {bad} lost")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
