"""hiredis, see c/; and what comes with Redis: redis-cli and redis-benchmark."""
import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import unittest

import packages
from client_case import HERE, ClientCase, harness

PROGRAM = HERE / "c" / "hiredis_client.c"
REQUIREMENTS = HERE / "c" / "requirements.txt"


def compile_program(name, *arguments):
    def install(directory):
        packages.run("gcc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-o", directory / "client", PROGRAM,
                     *arguments)

    return packages.bring(name, [PROGRAM, REQUIREMENTS], install) / "client"


def hiredis_sources():
    """The directory above that of hiredis 1.5, which speaks RESP3; Debian 12 has 0.14."""
    def install(directory):
        packages.run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
                     "--require-hashes", "-r", REQUIREMENTS, "-d", directory)
        archive, = directory.glob("hiredis-*.tar.gz")
        packages.run("tar", "-xzf", archive, "-C", directory, "--strip-components", "1")

    return packages.bring("c", [REQUIREMENTS], install) / "vendor"


class Hiredis(ClientCase):

    def run_hiredis(self, program, version):
        self.serve()
        self.assertIn(f"hiredis {version}.", self.run_program("hiredis", [program]))

    def test_hiredis_of_the_system(self):
        options = packages.run("pkg-config", "--cflags", "--libs", "hiredis").split()
        version = packages.run("pkg-config", "--modversion", "hiredis").rpartition(".")[0]
        self.run_hiredis(compile_program("c-system", *options), version)

    def test_hiredis_of_today(self):
        above = hiredis_sources()
        parts = ("alloc", "async", "hiredis", "net", "read", "sds", "sockcompat")
        sources = (above / "hiredis" / f"{part}.c" for part in parts)
        self.run_hiredis(compile_program("c-today", "-I", above, *sources), "1.5")


class ToolCase(ClientCase):

    def setUp(self):
        super().setUp()
        self.serve()
        self.client = self.proxy.client()
        self.addCleanup(self.client.close)

    def tool(self, name, *arguments):
        """The command line of a tool of Redis's: the server's own if there is one beside it."""
        beside = self.behind.program.with_name(name)
        return [str(beside if beside.exists() else shutil.which(name)), "-p", str(self.proxy.port),
                *map(str, arguments)]

    def run_tool(self, name, *arguments, given=b"", status=0):
        done = subprocess.run(self.tool(name, *arguments), input=given, stdout=subprocess.PIPE, timeout=60,
                              stderr=subprocess.STDOUT, check=False, cwd=self.directory)
        said = done.stdout.decode(errors="replace")
        self.assertEqual(done.returncode, status, said)
        return said


class RedisCli(ToolCase):

    def cli(self, *arguments, **options):
        return self.run_tool("redis-cli", *arguments, **options)

    def test_commands(self):
        self.assertEqual(self.cli("SET", "s", "two words"), "OK\n")
        self.assertEqual(self.cli("GET", "s"), "two words\n")
        self.assertEqual(self.cli("-x", "SET", "binary", given=b"\0\r\n\xff"), "OK\n")
        self.assertEqual(self.cli("--no-raw", "GET", "binary"), '"\\x00\\r\\n\\xff"\n')
        self.assertEqual(self.cli("-X", "TAG", "SET", "tagged", "TAG", given=b"value"), "OK\n")
        self.assertEqual(self.cli("GET", "tagged"), "value\n")
        self.assertEqual(self.cli("-r", 3, "-i", 0.01, "INCR", "n"), "1\n2\n3\n")
        self.assertEqual(self.cli("-n", 3, "SET", "s", "third"), "OK\n")
        self.assertEqual(self.cli("-u", f"redis://127.0.0.1:{self.proxy.port}/3", "GET", "s"), "third\n")
        self.assertEqual(self.cli("LPUSH", "s", "v").strip(), "WRONGTYPE Operation against a key holding the wrong "
                                                               "kind of value")
        self.assertIn("WRONGTYPE", self.cli("-e", "LPUSH", "s", "v", status=1))
        lines = b'SET s "a b"\nMULTI\nINCR n\n3 GET s\nEXEC\nSELECT 3\nGET s\nRESET\nPING\n'
        self.assertEqual(self.cli(given=lines).splitlines(),
                         ["OK", "OK", "QUEUED", *["QUEUED"] * 3, "4", *["a b"] * 3, "OK", "third", "RESET", "PONG"])

    def test_output(self):
        self.client.must("RPUSH", "l", "a", 'b"c', "d")
        self.client.must("HSET", "h", "f", "1", "g", "2")
        self.client.must("ZADD", "z", "1.5", "m")
        self.assertEqual(list(csv.reader([self.cli("--csv", "LRANGE", "l", 0, -1)], escapechar="\\")),
                         [["a", 'b"c', "d"]])
        self.assertEqual(json.loads(self.cli("--json", "HGETALL", "h")), {"f": "1", "g": "2"})
        self.assertEqual(json.loads(self.cli("--json", "ZRANGE", "z", 0, -1, "WITHSCORES")), [["m", 1.5]])
        self.assertEqual(json.loads(self.cli("-2", "--json", "HGETALL", "h")), ["f", "1", "g", "2"])
        self.assertEqual(self.cli("-3", "--no-raw", "HGETALL", "h"), '1# "f" => "1"\n2# "g" => "2"\n')
        self.assertEqual(self.cli("--no-raw", "HGETALL", "h"), '1) "f"\n2) "1"\n3) "g"\n4) "2"\n')
        self.assertEqual(self.cli("-3", "--no-raw", "ZSCORE", "z", "m"), "(double) 1.5\n")

    def test_scan(self):
        self.client.pipeline([("SET", f"scan:{i}", "v") for i in range(3000)] + [("SADD", "set", "m")])
        self.assertEqual(sorted(self.cli("--scan").splitlines()), sorted([*(f"scan:{i}" for i in range(3000)), "set"]))
        self.assertEqual(sorted(self.cli("--scan", "--pattern", "scan:1?").splitlines()),
                         [f"scan:1{i}" for i in range(10)])
        self.assertEqual(len(self.cli("--scan", "--quoted-pattern", r'"\x73can:*"').splitlines()), 3000)

    def test_what_is_large(self):
        commands = [("SET", f"k{i}", "v") for i in range(500)]
        commands += [("SET", "large", "x" * 5000), ("RPUSH", "l", *range(40)), ("HSET", "h", "f", "v"),
                     ("XADD", "x", "*", "f", "v"), ("SADD", "set", *range(30)), ("ZADD", "z", 1, "m")]
        self.client.pipeline(commands)
        said = self.cli("--bigkeys")
        self.assertIn("Sampled 506 keys in the keyspace!", said)
        self.assertRegex(said, r"Biggest string found '\"large\"' has 5000 bytes")
        self.assertRegex(said, r"Biggest +list found '\"l\"' has 40 items")
        said = self.cli("--memkeys")
        self.assertIn("Sampled 506 keys in the keyspace!", said)
        self.assertRegex(said, r"Biggest string found '\"large\"' has \d{4} bytes")
        self.client.must("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        self.client.pipeline([("GET", "large")] * 200)
        self.assertRegex(self.cli("--hotkeys"), r"hot key found with counter: \d+\tkeyname: \"?large")

    def test_mass_insertion(self):
        encoded = b"".join(harness.encode(("SET", f"mass:{i}", "\r\n")) for i in range(50000))
        self.assertIn("errors: 0, replies: 50000", self.cli("--pipe", given=encoded))
        self.assertEqual(self.client.must("DBSIZE"), 50000)
        self.assertEqual(self.client.must("GET", "mass:49999"), "\r\n")
        said = self.cli("--pipe", given=b"SET s v\r\nLPUSH s v\r\nGET\r\nSET t v\r\n", status=1)
        self.assertIn("errors: 2, replies: 4", said)
        self.assertEqual(self.client.must("MGET", "s", "t"), ["v", "v"])

    def test_scripts(self):
        script = self.directory / "script.lua"
        script.write_text("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
        for count in ("1", "2"):
            self.assertEqual(self.cli("--eval", script, "n", ",", "a b").splitlines(), ["n", "a b", count])
        script.write_text("return redis.call('LPUSH', KEYS[1], 1)")
        self.assertIn("WRONGTYPE", self.cli("-e", "--eval", script, "n", status=1))
        library = b"#!lua name=library\nredis.register_function('one', function() return 1 end)"
        self.assertEqual(self.cli("-x", "FUNCTION", "LOAD", given=library), "library\n")
        self.assertEqual(self.cli("FCALL", "one", 0), "1\n")

    def test_rdb(self):
        """It attaches as a replica does, and takes no more than the data."""
        self.cli("SET", "in the file", "a value")
        dump = self.directory / "dump.rdb"
        self.cli("--rdb", dump)
        data = dump.read_bytes()
        self.assertTrue(data.startswith(b"REDIS00"), data[:9])
        self.assertIn(b"in the file", data)
        self.assertNotIn(b"holdfast", data)

    def test_what_holdfast_refuses(self):
        self.assertIn("rdb-filter-only", self.cli("--functions-rdb", self.directory / "functions.rdb", status=1))
        self.assertFalse((self.directory / "functions.rdb").exists())
        self.assertIn("is refused by Holdfast", self.cli("-e", "SHUTDOWN", status=1))
        self.assertEqual(self.cli("PING"), "PONG\n")

    def test_monitor(self):
        monitor = self.process("monitor", self.tool("redis-cli", "MONITOR"))
        monitor.wait_said("OK")
        self.cli("-n", 5, "SET", "s", "a\nb")
        monitor.wait_said('"SET" "s" "a\\nb"')
        self.assertRegex(monitor.said(), r'\n\d+\.\d{6} \[5 127\.0\.0\.1:\d+\] "SET" "s" "a\\nb"\n')
        monitor.send_signal(signal.SIGINT)
        monitor.wait()

    def test_subscribe(self):
        for protocol in ("-2", "-3"):
            name = f"subscriber{protocol}"
            subscriber = self.process(name, self.tool("redis-cli", protocol, "--csv", "PSUBSCRIBE", "n*", "o*"))
            subscriber.wait_said('"psubscribe","o*",2')
            for i in range(100):
                self.assertEqual(self.client.must("PUBLISH", "news", f"text {i}"), 1)
            subscriber.wait_said('"text 99"')
            self.assertEqual(re.findall(r'"pmessage","n\*","news","text (\d+)"', subscriber.said()),
                             [str(i) for i in range(100)])
            subscriber.kill()
            harness.wait_until(lambda: self.client.must("PUBSUB", "NUMPAT") == 0, "the subscriber is gone")

    def test_measurements(self):
        statistics = self.process("stat", self.tool("redis-cli", "--stat", "-i", 0.02))
        rows = re.compile(r"^(\d+) +[\d.]+[KMG] +(\d+) +0 +(\d+) \(\+\d+\) +\d+ *$", re.M)
        harness.wait_until(lambda: len(rows.findall(statistics.said())) >= 3, "three rows")
        self.client.must("SET", "s", "v")
        harness.wait_until(lambda: rows.findall(statistics.said())[-1][0] == "1", "a row with one key")
        statistics.kill()
        requests = [int(row[2]) for row in rows.findall(statistics.said())]
        self.assertEqual(requests, sorted(requests))
        # Without a terminal it measures once, for the interval.
        least, most, average, count = map(float, self.cli("--latency", "-i", 0.3).split())
        self.assertTrue(least <= average <= most and count > 5, (least, most, average, count))


class RedisBenchmark(ToolCase):

    def benchmark(self, *arguments):
        said = self.run_tool("redis-benchmark", "-q", *arguments)
        self.assertNotRegex(said, "(?i)error|warning|failed")
        return re.findall(r"^ *([^\r\n:]+): [\d.]+ requests per second", re.sub(r"[^\n]*\r", "", said), re.M)

    def test_all(self):
        names = self.benchmark("-n", 2000, "-P", 16)
        self.assertGreaterEqual(len(names), 19, names)
        self.assertEqual(self.client.must("GET", "counter:__rand_int__"), "2000")

    def test_random_keys(self):
        names = self.benchmark("-n", 2000, "-P", 16, "-r", 500, "-t", "set,get,incr,hset,sadd,zadd,zpopmin,spop,mset")
        self.assertEqual(len(names), 9, names)
        counters = self.client.must("KEYS", "counter:*")
        self.assertGreater(len(counters), 100)
        self.assertEqual(sum(map(int, self.client.must("MGET", *counters))), 2000)

    def test_resp3_and_scripts(self):
        self.assertEqual(self.benchmark("-3", "-n", 2000, "-c", 20, "-t", "set,get"), ["SET", "GET"])
        self.benchmark("-n", 500, "-r", 10, "EVAL", "return redis.call('INCR', KEYS[1])", 1, "n:__rand_int__")
        keys = self.client.must("KEYS", "n:*")
        self.assertEqual((len(keys), sum(map(int, self.client.must("MGET", *keys)))), (10, 500))


if __name__ == "__main__":
    unittest.main()
