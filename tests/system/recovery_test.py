"""holdfast-recover: replays, travels back in time, verifies, inspects and copies real logs."""
import base64
import json
import os
import signal
import sqlite3
import threading
import time
import unittest

import harness
from dataset import MARKER, contents, databases, differences

DIFFERENT, COULD_NOT_TELL, WRONGLY_USED = 1, 2, 2


def summary(done):
    """What the last line says."""
    return json.loads(done.stdout.strip().splitlines()[-1])


def next_moment():
    """Lets time go on; returns a time in ms that lies between what was logged so far and what will be: the clock that
    records are stamped with may lag a few milliseconds."""
    moment = time.time_ns() // 1_000_000
    harness.wait_until(lambda: time.time_ns() // 1_000_000 > moment + 50, "time goes on", interval=0.005)
    return moment


def applied(redis):
    """The position whose batch a Redis has applied last."""
    with redis.client() as client:
        client.must("SELECT", databases(client) - 1)
        return int(client.must("GET", MARKER).split()[2].split(":")[0])


class RecoveryTest(harness.SystemTest):
    build = "7.0.15"

    def begin(self, build="7.0.15"):
        self.behind = self.redis(build)
        self.proxy = self.holdfast(self.behind)
        self.log = self.proxy.log
        self.log_file = self.log.removeprefix("sqlite:")
        self.client = self.proxy.client()

    def recover(self, command, *arguments, log=None, **options):
        flags = []
        if command in ("replay", "verify"):
            flags = ["--snapshots", self.proxy.snapshots, "--redis-server", self.behind.program]
        return harness.recover(command, "--log", log or self.log, *flags, *arguments, **options)

    def refused(self, command, *arguments, status=1, **options):
        """Runs it, expects that exit status and one line that says why; returns the line."""
        done = self.recover(command, *arguments, check=False, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0]

    def state(self, redis):
        with redis.client() as client:
            return contents(redis.port, databases(client) - 1)

    def expect_state(self, redis, expected, why=None):
        self.assertEqual(differences(expected, self.state(redis)), "", why)

    def write_history(self):
        """Writes of all kinds; returns [(position, time in ms, state)] of some moments."""
        steps = [
            lambda c: [c.must("SET", "counter", 1), c.must("RPUSH", "list", *range(300)),
                       c.must("HSET", "hash", "f", 1)],
            lambda c: [c.must("INCRBY", "counter", 41), c.must("SADD", "set", *range(700)), c.must("SPOP", "set", 200)],
            lambda c: [c.must("EVAL", "return redis.call('SET', KEYS[1], redis.call('TIME')[2])", 1, "time"),
                       c.must("XADD", "stream", "*", "a", "b"), c.must("XGROUP", "CREATE", "stream", "group", 0),
                       c.must("XREADGROUP", "GROUP", "group", "me", "STREAMS", "stream", ">")],
            lambda c: [c.must("SELECT", 5), c.must("ZADD", "zset", 1.5, "a", 2, "b"),
                       c.must("SET", "far", 1, "EX", 5000), c.must("SELECT", 0)],
            lambda c: [c.must("DEL", "list"), c.must("SET", "bytes", b"\x00\xff\r\n"), c.must("SWAPDB", 0, 5)],
            lambda c: [c.must("FLUSHALL"), c.must("SET", "after", "the flood")],
        ]
        history = []
        for step in steps:
            step(self.client)
            history.append((applied(self.behind), next_moment(), self.state(self.behind)))
        return history


class ReplayTest(harness.EveryBuild, RecoveryTest):
    def on_build(self, build):
        self.begin(build)
        history = self.write_history()
        self.client.must("RPUSH", "again", *range(1000))
        position, expected = applied(self.behind), self.state(self.behind)
        self.assertEqual(self.proxy.stop(), 0)

        fresh = self.redis(build, name="fresh")
        done = summary(self.recover("replay", "--to-redis", fresh.address))
        self.expect_state(fresh, expected)
        self.assertEqual((done["position"], done["leader_only_batches"]), (position, 0))
        self.assertEqual(applied(fresh), position)
        with fresh.client() as client:
            self.assertEqual(client.must("ROLE")[0], "master")

        for position, moment, expected in history:
            done = summary(self.recover("replay", "--to-redis", fresh.address, "--to-position", position))
            self.expect_state(fresh, expected, f"at position {position}")
            self.assertEqual(done["position"], position)
        position, moment, expected = history[3]
        iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment // 1000)) + f".{moment % 1000:03}Z"
        for text in (moment, iso, iso.replace("T", " ").removesuffix("Z")):
            done = summary(self.recover("replay", "--to-redis", fresh.address, "--to-time", text))
            self.assertEqual(done["position"], position, text)
            self.expect_state(fresh, expected, f"at {text}")

    def test_relative_time(self):
        self.begin()
        history = self.write_history()
        fresh = self.redis(name="fresh")
        ago = time.time_ns() // 1_000_000 - history[1][1]
        # What lies between this line and the tool's own look at the clock makes it later, never earlier.
        done = summary(self.recover("replay", "--to-redis", fresh.address, "--to-time", f"-{ago}ms"))
        self.assertGreaterEqual(done["position"], history[1][0])
        done = summary(self.recover("replay", "--to-redis", fresh.address, "--discard-data", "--to-time", "-0s"))
        self.expect_state(fresh, history[-1][2])
        self.assertIn("it begins at", self.refused("replay", "--to-redis", fresh.address, "--to-time", "-1d"))

    def test_rdb_file(self):
        self.begin()
        history = self.write_history()
        self.client.must("SET", "short", "v", "PX", 200)
        with_short = applied(self.behind)
        harness.wait_until(lambda: self.client.must("EXISTS", "short") == 0, "a key expires")
        for position, _, expected in (history[2], history[-1]):
            target = self.directory / f"{position}.rdb"
            self.recover("replay", "--to-rdb", target, "--to-position", position)
            loaded = self.redis(options=["--dir", self.directory, "--dbfilename", target.name],
                                name=f"loaded-{position}")
            self.expect_state(loaded, expected)
            self.assertEqual(applied(loaded), position)
        # A key whose time has passed since belongs into the file of a position at which it was there.
        target = self.directory / f"{position}.rdb"
        self.recover("replay", "--to-rdb", target, "--to-position", with_short, "--no-marker")
        self.assertIn(b"short", target.read_bytes())
        self.assertNotIn(MARKER.encode(), target.read_bytes())
        self.assertEqual(list(self.directory.glob(".holdfast-recover-*")), [])
        line = self.refused("replay", "--to-rdb", self.directory / "no" / "such.rdb")
        self.assertIn("No such file or directory", line)

    def test_times_that_have_passed(self):
        """A replay long after the fact: keys that were saved in time are there, with what was done to them."""
        self.begin()
        client = self.client
        for key in ("saved", "counted", "lost"):
            client.must("SET", key, 1, "PX", 2000)
        client.must("HSET", "renewed", "f", "v")
        client.must("PEXPIRE", "renewed", 2000)
        with_times = applied(self.behind)
        self.assertEqual(client.must("PERSIST", "saved"), 1)
        self.assertEqual(client.must("INCRBY", "counted", 5), 6)
        self.assertEqual(client.must("EXPIRE", "renewed", 5000), 1)
        client.must("GETEX", "counted", "PERSIST")
        saved = applied(self.behind)
        harness.wait_until(lambda: client.must("EXISTS", "lost") == 0, "a key expires")
        client.must("SET", "lost", "again")
        expected = self.state(self.behind)
        self.assertEqual({key for _, key in expected}, {"saved", "counted", "renewed", "lost"})
        self.assertEqual(self.proxy.stop(), 0)

        fresh = self.redis(name="fresh")
        self.recover("replay", "--to-redis", fresh.address)
        self.expect_state(fresh, expected)
        # At the position where all four had a time that has passed by now, they are there, though hidden.
        self.recover("replay", "--to-redis", fresh.address, "--to-position", with_times, "--keep-replica")
        with fresh.client() as replica:
            self.assertEqual(replica.must("DBSIZE"), 4)
            self.assertIsNone(replica.must("GET", "saved"))
            self.assertEqual(replica.must("ROLE")[0], "slave")
        self.recover("replay", "--to-redis", fresh.address, "--to-position", saved)
        del expected[0, "lost"]
        self.expect_state(fresh, expected)

    def test_unsettled_tail(self):
        """The proxy dies with batches in the log that Redis has not executed: what any replica may do is done."""
        self.begin()
        self.client.must("SADD", "set", *range(100))
        self.client.must("SET", "counter", 10)
        self.behind.pause()
        writers = [self.proxy.client() for _ in range(3)]
        for number, (writer, command) in enumerate(zip(writers, (("INCR", "counter"), ("INCRBY", "counter", 10),
                                                                 ("SPOP", "set")))):
            writer.send(*command)
            harness.wait_until(lambda n=number: len(self.batches()) == 3 + n, "the log has it")
        self.proxy.kill()
        self.behind.resume()
        first, second, third = [record["position"] for record in self.batches()][2:]

        fresh = self.redis(name="fresh")

        def replay(*limit):
            done = self.recover("replay", "--to-redis", fresh.address, *limit)
            with fresh.client() as client:
                return client.must("GET", "counter"), client.must("SCARD", "set"), summary(done)["leader_only_batches"]

        self.assertEqual(replay(), ("21", 100, 1))
        self.assertEqual(replay("--to-position", second), ("21", 100, 0))
        self.assertEqual(replay("--to-position", first), ("11", 100, 0))
        self.assertEqual(replay("--to-position", third), ("21", 100, 1))

    def batches(self):
        lines = self.recover("inspect", "--json", "--type", "batch").stdout.splitlines()[:-1]
        return [json.loads(line) for line in lines]

    def test_refusals(self):
        self.begin()
        self.client.must("SET", "a", 1)
        other = self.redis(name="other")
        with other.client() as client:
            client.must("SET", "mine", 1)
        to_other = ("--to-redis", other.address)
        self.assertIn("1 key(s) that are not this log's", self.refused("replay", *to_other))
        self.assertIn(f"beyond the end: the last record of sqlite {self.log_file} is at ",
                      self.refused("replay", *to_other, "--to-position", 1000))
        self.assertIn("--to-redis HOST:PORT or --to-rdb FILE", self.refused("replay", status=WRONGLY_USED))
        self.assertIn("is no time", self.refused("replay", *to_other, "--to-time", "soon", status=WRONGLY_USED))
        self.assertIn("sqlite:PATH", self.refused("replay", *to_other, log="there", status=WRONGLY_USED))
        self.assertIn("there is no log", self.refused("replay", *to_other, log="sqlite:/no/such.db"))
        self.assertIn("cannot connect", self.refused("replay", "--to-redis", "127.0.0.1:1"))
        self.assertIn("followed by 1 replica(s)", self.refused("replay", "--to-redis", self.behind.address))
        with other.client() as client:
            self.assertEqual(client.must("GET", "mine"), "1")
        self.recover("replay", *to_other, "--discard-data", "--no-marker")
        self.expect_state(other, self.state(self.behind))
        with other.client() as client:
            client.must("SELECT", databases(client) - 1)
            self.assertEqual(client.must("DBSIZE"), 0)

    def test_password(self):
        self.begin()
        self.client.must("SET", "a", 1)
        fresh = self.redis(name="fresh", options=["--masterauth", "other"])
        with fresh.client() as client:
            client.must("CONFIG", "SET", "requirepass", "secret")
        self.assertIn("--redis-password", self.refused("replay", "--to-redis", fresh.address))
        self.recover("replay", "--to-redis", fresh.address, "--redis-password", "secret")
        with fresh.client() as client:
            client.must("AUTH", "secret")
            self.assertEqual(client.must("GET", "a"), "1")

    def test_too_few_databases(self):
        self.begin()
        self.client.must("SELECT", 9)
        self.client.must("SET", "a", 1)
        small = self.redis(name="small", options=["--databases", "10"])
        self.assertIn("databases that this Redis does not have", self.refused("replay", "--to-redis", small.address))

    def test_base_snapshot(self):
        """A Redis that had data before: its RDB and the log are the whole state."""
        self.behind = self.redis()
        with self.behind.client() as client:
            client.must("RPUSH", "old", *range(5000))
            client.must("SET", "old:far", 1, "EX", 5000)
        self.proxy = self.holdfast(self.behind)
        self.log, self.client = self.proxy.log, self.proxy.client()
        adopted = self.state(self.behind)
        self.client.must("LPOP", "old")
        first = applied(self.behind)
        self.client.must("SET", "new", 1)
        expected = self.state(self.behind)
        self.recover("verify", "--redis", self.behind.address)
        snapshot = [json.loads(line) for line in
                    self.recover("inspect", "--json", "--type", "snapshot").stdout.splitlines()][0]
        self.assertEqual(self.proxy.stop(), 0)
        fresh = self.redis(name="fresh")
        self.recover("replay", "--to-redis", fresh.address)
        self.expect_state(fresh, expected)
        self.recover("replay", "--to-redis", fresh.address, "--to-position", first - 1)
        self.expect_state(fresh, adopted)
        self.assertIn("begins with the snapshot",
                      self.refused("replay", "--to-redis", fresh.address, "--to-position", 0))
        path = self.proxy.snapshots / snapshot["file"]
        self.assertEqual(path.stat().st_size, snapshot["bytes"])
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        self.assertIn("is not what the log says", self.refused("replay", "--to-rdb", self.directory / "out.rdb"))
        path.unlink()
        self.assertIn("--snapshots", self.refused("replay", "--to-rdb", self.directory / "out.rdb"))
        self.assertFalse((self.directory / "out.rdb").exists())

    def test_interrupt(self):
        """SIGINT leaves no process and no file behind."""
        self.begin()
        self.client.pipeline([("RPUSH", f"list:{i % 100}", "x" * 1000) for i in range(20000)])
        child = self.process("recover", [harness.BUILD / "holdfast-recover", "replay", "--log", self.log, "--to-rdb",
                                         self.directory / "out.rdb", "--redis-server", self.behind.program],
                             environment={"TMPDIR": str(self.directory)})
        harness.wait_until(lambda: list(self.directory.glob("holdfast-*/redis")), "its Redis is there")
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(), 1)
        self.assertIn("interrupted", child.said())
        self.assertEqual(list(self.directory.glob("holdfast-*/redis")) + list(self.directory.glob(".holdfast*")), [])


class VerifyTest(harness.EveryBuild, RecoveryTest):
    def verify(self, status=0):
        done = self.recover("verify", "--redis", self.behind.address, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        result = summary(done)
        self.assertEqual(result["equal"], status == 0)
        return done.stdout.splitlines()[:-1]

    def on_build(self, build):
        self.begin(build)
        self.write_history()
        client = self.client
        client.must("MSET", "value", 1, "type", 1, "gone", 1, "time", 1)
        client.must("PEXPIREAT", "time", 4102444800000)
        client.must("RPUSH", "list", "a", "b")
        client.must("HSET", "hash", *[part for i in range(50) for part in (f"f{i}", i)])
        client.must("SADD", "set", *range(50))
        client.must("ZADD", "zset", 1, "a", 2, "b")
        client.must("XADD", "stream", "1-1", "seen-time", "5")
        client.must("XGROUP", "CREATE", "stream", "group", "0")
        client.must("SELECT", 3)
        client.must("SET", "elsewhere", 1)
        self.verify()
        self.assertEqual(self.proxy.stop(), 0)
        self.verify()
        with self.behind.client() as redis:
            # The same data in another encoding or order.
            redis.must("DEL", "hash", "set")
            redis.must("HSET", "hash", "long", "x" * 1000)
            redis.must("HSET", "hash", *[part for i in reversed(range(50)) for part in (f"f{i}", i)])
            redis.must("HDEL", "hash", "long")
            redis.must("SADD", "set", *reversed(range(50)), "no number")
            redis.must("SREM", "set", "no number")
            self.assertEqual(self.verify(), [])
            expected = set()

            def change(key, *command, db=0):
                redis.must("SELECT", db)
                redis.must(*command)
                expected.add(f'database {db}, key "{key}"')

            change("value", "SET", "value", 2)
            change("type", "EVAL", "redis.call('DEL', KEYS[1]) redis.call('SADD', KEYS[1], 1)", 1, "type")
            change("gone", "DEL", "gone")
            change("extra", "SET", "extra", 1)
            change("time", "PEXPIREAT", "time", 4102444800000 + 60_000)
            change("list", "EVAL", "redis.call('LPUSH', KEYS[1], redis.call('RPOP', KEYS[1]))", 1, "list")
            change("hash", "HSET", "hash", "f7", "8")
            change("set", "SREM", "set", 7)
            change("zset", "ZINCRBY", "zset", "0.5", "a")
            change("stream", "XGROUP", "SETID", "stream", "group", "1-1")
            change("elsewhere", "PEXPIREAT", "elsewhere", 4102444800000, db=3)
            found = self.verify(DIFFERENT)
            self.assertEqual({line.rpartition('": ')[0] + '"' for line in found}, expected)
            few = self.recover("verify", "--redis", self.behind.address, "--max-differences", 2, check=False)
            self.assertEqual(few.returncode, DIFFERENT)
            self.assertEqual(summary(few)["differences"], 2)

    def test_while_it_works(self):
        """Writes, expiry, scripts and chance go on meanwhile."""
        self.begin()
        stop = threading.Event()

        def write(number):
            with self.proxy.client() as client:
                i = 0
                while not stop.is_set():
                    i += 1
                    client.pipeline([("SET", f"short:{number}:{i}", "v", "PX", 1 + i % 40), ("INCR", "counter"),
                                     ("SADD", "set", i), ("SPOP", "set"), ("LPUSH", f"list:{number}", i),
                                     ("EVAL", "return redis.call('SET', KEYS[1], redis.call('TIME')[2])", 1, "time")])

        writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
        for writer in writers:
            writer.start()
        try:
            positions = []
            for _ in range(5):
                done = self.recover("verify", "--redis", self.behind.address)
                positions.append(summary(done)["position"])
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        self.assertEqual(positions, sorted(set(positions)))

    def test_could_not_tell(self):
        self.begin()
        self.client.must("SET", "a", 1)
        plain = self.redis(name="plain")
        line = self.refused("verify", "--redis", plain.address, status=COULD_NOT_TELL)
        self.assertIn("no marker in database 16", line)
        self.assertIn("cannot connect", self.refused("verify", "--redis", "127.0.0.1:1", status=COULD_NOT_TELL))
        other = harness.Holdfast(self.directory, plain, f"sqlite:{self.directory}/other.db", name="other")
        self.addCleanup(other.kill)
        other.start()
        line = self.refused("verify", "--redis", plain.address, status=COULD_NOT_TELL)
        self.assertIn("holds the state of another log", line)


class InspectTest(RecoveryTest):
    def inspect(self, *flags):
        return self.recover("inspect", *flags).stdout.splitlines()[:-1]

    def records(self, *flags):
        return [json.loads(line) for line in self.inspect("--json", *flags)]

    def test_what_is_in_the_log(self):
        self.begin()
        client = self.client
        client.must("SET", "plain", 'say "hi"\n')
        first = applied(self.behind)
        before = next_moment()
        client.must("SELECT", 2)
        client.must("SET", b"\xff\x00", b"\x80")
        client.must("SADD", "set", "only")
        client.must("SPOP", "set")
        client.must("MULTI")
        client.must("SET", "other", 1)
        client.must("INCR", "plain")
        client.must("EXEC")
        last = applied(self.behind)

        records = self.records()
        self.assertEqual([record["position"] for record in records], list(range(len(records))))
        self.assertEqual(records[0]["type"], "claim")
        plain = records[first]
        self.assertEqual(plain["commands"], [{"db": 0, "args": ["SET", "plain", 'say "hi"\n']}])
        self.assertEqual((plain["epoch"], plain["sequence"]), (1, first))
        self.assertLess(abs(plain["time_ms"] - before), 60_000)
        as_base64 = [base64.b64encode(part).decode() for part in (b"SET", b"\xff\x00", b"\x80")]
        batches = [record["commands"] for record in records if record["type"] == "batch"]
        self.assertEqual(batches[1], [{"db": 2, "args_base64": as_base64}])
        effects = [record for record in records if record["type"] == "effects"]
        popped = [segment for record in effects for segment in record["segments"]]
        self.assertEqual([segment["place"] for segment in popped], ["instead-of"])
        self.assertIn(popped[0]["commands"][0]["args"][0].upper(), ("SREM", "DEL"))

        text = "\n".join(self.inspect())
        self.assertIn(r'[0] "SET" "plain" "say \"hi\"\n"', text)
        self.assertIn(r'[2] "SET" "\xff\x00" "\x80"', text)
        self.assertIn(f"in place of batch {popped[0]['batch']}:", text)
        self.assertIn(plain["time"], text)

        self.assertEqual([record["position"] for record in self.records("--from", first, "--to", first)], [first])
        self.assertEqual({record["type"] for record in self.records("--type", "claim,effects")}, {"claim", "effects"})
        self.assertEqual([record["position"] for record in self.records("--to-time", before, "--type", "batch")],
                         [first])
        self.assertNotIn(first, [record["position"] for record in self.records("--from-time", before + 1)])
        touching = self.records("--key", "plain")
        self.assertEqual([record["position"] for record in touching], [first, last])
        self.assertEqual(touching[1]["commands"], [{"db": 2, "args": ["INCR", "plain"]}])
        self.assertEqual(touching[1]["other_commands"], 1)
        self.assertEqual(len(self.records("--key", "set")), 3)
        self.assertEqual(self.records("--key", "absent"), [])
        self.assertIn("beyond the end", self.refused("inspect", "--from", len(records) + 1000))
        self.assertIn("--type", self.refused("inspect", "--type", "batches", status=WRONGLY_USED))

    def test_what_does_not_count(self):
        self.begin()
        for i in range(20):
            self.client.must("SET", "a", i)
        self.assertEqual(self.proxy.stop(), 0)
        with sqlite3.connect(self.log_file) as log:
            # A repetition, as a broker may make it.
            log.execute("INSERT INTO entries SELECT (SELECT max(position) + 1 FROM entries), header, value "
                        "FROM entries WHERE position = (SELECT max(position) FROM entries)")
        end = len(self.records())
        self.assertEqual(len(self.records("--void")), end + 1)
        self.assertIn("repetition", self.records("--void")[-1]["void"])
        self.assertIn("void: it is a repetition", self.inspect("--void")[-1])
        with sqlite3.connect(self.log_file) as log:
            log.execute("UPDATE entries SET value = replace(value, '7', '8') WHERE position = 9")
            changed = log.execute("SELECT position FROM entries WHERE position >= 9 ORDER BY position").fetchone()[0]
            log.execute("UPDATE entries SET value = CAST(value || x'00' AS BLOB) WHERE position = ?", (changed,))
        for command in (("inspect",), ("replay", "--to-rdb", self.directory / "out.rdb")):
            self.assertRegex(self.refused_line(*command), f"position {changed} .*checksum")
        self.assertFalse((self.directory / "out.rdb").exists())

    def test_what_holdfast_did_not_write(self):
        """A replay stops there, with position and reason, unless it is told to end before it; so does all else."""
        self.begin()
        for i in range(20):
            self.client.must("SET", "a", i)
        states = {}
        position = applied(self.behind)
        states[position] = self.state(self.behind)
        self.client.must("SET", "a", "more")
        self.assertEqual(self.proxy.stop(), 0)
        end = len(self.records())
        with sqlite3.connect(self.log_file) as log:
            log.execute("INSERT INTO entries (position, header, value) VALUES (?, x'', CAST('hello' AS BLOB))", (end,))
        reason = f"position {end} of the log stops this: it was not written by Holdfast"
        fresh = self.redis(name="fresh")
        for command in (("inspect",), ("replay", "--to-redis", fresh.address),
                        ("replay", "--to-redis", fresh.address, "--to-position", end),
                        ("verify", "--redis", self.behind.address),
                        ("copy", "--to", f"sqlite:{self.directory}/all.db")):
            with self.subTest(command=command):
                done = self.recover(*command, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(reason, done.stderr.strip().splitlines()[-1])
        self.recover("replay", "--to-redis", fresh.address, "--to-position", position)
        self.expect_state(fresh, states[position])

        copy = f"sqlite:{self.directory}/copy.db"
        self.assertEqual(summary(self.recover("copy", "--to", copy, "--to-position", end - 1))["copied"], end)
        grown = harness.Holdfast(self.directory, self.behind, copy, name="grown")
        self.addCleanup(grown.kill)
        grown.start()
        with grown.client() as client:
            self.assertEqual(client.must("GET", "a"), "more")
        # Or with what Redis holds, in front of a new log.
        self.assertEqual(grown.stop(), 0)
        with self.behind.client() as client:
            client.must("SELECT", databases(client) - 1)
            client.must("DEL", MARKER)
        adopting = harness.Holdfast(self.directory, self.behind, f"sqlite:{self.directory}/new.db", name="adopting")
        self.addCleanup(adopting.kill)
        adopting.start()
        with adopting.client() as client:
            self.assertEqual(client.must("GET", "a"), "more")

    def refused_line(self, *command):
        done = self.recover(*command, check=False)
        self.assertEqual(done.returncode, 1)
        return done.stderr.strip().splitlines()[-1]


class CopyTest(RecoveryTest):
    def entries(self, path):
        with sqlite3.connect(path) as log:
            return log.execute("SELECT position, header, value FROM entries ORDER BY position").fetchall()

    def test_sqlite_to_sqlite(self):
        self.begin()
        self.write_history()
        self.client.pipeline([("SET", f"key:{i}", "x" * 100) for i in range(20000)])
        expected = self.state(self.behind)
        target = self.directory / "copy.db"
        to = ("--to", f"sqlite:{target}")
        self.assertIn("stop its proxy", self.refused("copy", *to))
        self.assertFalse(target.exists())
        self.assertEqual(self.proxy.stop(), 0)
        source = self.entries(self.log_file)
        self.assertGreater(len(source), 20)
        done = summary(self.recover("copy", *to))
        self.assertEqual((done["copied"], done["present_before"]), (len(source), 0))
        self.assertEqual(self.entries(target), source)
        self.assertEqual(done["checksum"], summary(self.recover("inspect"))["checksum"])

        with self.subTest("it goes on where the target ends"):
            with sqlite3.connect(target) as log:
                log.execute("DELETE FROM entries WHERE position >= 7")
            done = summary(self.recover("copy", *to))
            self.assertEqual((done["copied"], done["present_before"]), (len(source) - 7, 7))
            self.assertEqual(self.entries(target), source)
            self.assertEqual(summary(self.recover("copy", *to))["copied"], 0)
        with self.subTest("not into another log"):
            with sqlite3.connect(target) as log:
                log.execute("UPDATE entries SET value = CAST(value || ' ' AS BLOB) WHERE position = 5")
            done = self.recover("copy", *to, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("differs at position 5", done.stderr)
        self.assertIn("name the same log", self.refused("copy", "--to", self.log, status=WRONGLY_USED))
        with self.subTest("the proxy goes on with a copy"):
            again = self.directory / "again.db"
            self.recover("copy", "--to", f"sqlite:{again}")
            grown = harness.Holdfast(self.directory, self.behind, f"sqlite:{again}", name="grown")
            self.addCleanup(grown.kill)
            grown.start()
            self.expect_state(self.behind, expected)
            with grown.client() as client:
                client.must("SET", "more", 1)
            self.recover("verify", "--redis", self.behind.address, log=f"sqlite:{again}")

    def test_sqlite_to_kafka_and_back(self):
        brokers = os.environ.get("HOLDFAST_TEST_KAFKA")
        url = (f"kafka://{brokers}/" if brokers else harness.shared_kafka().url("")) + f"copy-{os.getpid()}"
        self.begin()
        self.write_history()
        self.client.must("SET", "large", "x" * 3_000_000)
        self.client.pipeline([("SET", f"key:{i}", "x" * 100) for i in range(20000)])
        expected = self.state(self.behind)
        self.assertEqual(self.proxy.stop(), 0)
        self.assertIn("copy-", self.refused("copy", "--to", url))  # there is no such topic
        source = self.entries(self.log_file)
        largest = max(len(header) + len(value) for _, header, value in source)
        done = self.recover("copy", "--to", url, "--create-topic", check=False)
        if done.returncode != 0:
            self.assertIn(f"has {largest} bytes", done.stderr)
            self.skipTest("the brokers take no entry as large as SQLite's")
        self.assertEqual(summary(done)["copied"], len(source))
        self.assertEqual(summary(self.recover("copy", "--to", url))["copied"], 0)
        back = self.directory / "back.db"
        self.recover("copy", "--to", f"sqlite:{back}", log=url)
        self.assertEqual(self.entries(back), source)
        fresh = self.redis(name="fresh")
        self.recover("replay", "--to-redis", fresh.address, log=url)
        self.expect_state(fresh, expected)
        grown = harness.Holdfast(self.directory, self.behind, url, name="grown")
        self.addCleanup(grown.kill)
        grown.start()
        with grown.client() as client:
            client.must("SET", "more", 1)
        self.recover("verify", "--redis", self.behind.address, log=url)


if __name__ == "__main__":
    unittest.main()
