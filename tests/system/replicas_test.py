"""Stock Redis servers and tools as replicas of Holdfast."""
import random
import subprocess
import threading
import time
import unittest

import dataset
import harness

SHORT_MS = 20
TAKE = "local m = redis.call('SPOP', KEYS[1]); redis.call('INCR', KEYS[2]); return m"


class ReplicaTest(harness.SystemTest):
    def begin(self, build, **options):
        self.behind = self.redis(build)
        self.proxy = self.holdfast(self.behind, **options)

    def replica(self, name="replica", options=()):
        return self.redis(self.behind.build, name=name,
                          options=["--replicaof", "127.0.0.1", self.proxy.port, *options])

    def write(self, rounds, seed):
        """What is random, expires, is conditional or comes from scripts, in several databases."""
        rng = random.Random(seed)
        with self.proxy.client() as client:
            for _ in range(rounds):
                client.must("SELECT", rng.randrange(3))
                key, member = f"k{rng.randrange(40)}", rng.randrange(1000)
                replies = client.pipeline([
                    ("SET", f"s{key}", member, "PX", rng.choice((1, SHORT_MS, 3600000))),
                    ("SADD", f"set{key}", *range(member, member + 5)), ("SPOP", f"set{key}"),
                    ("EVAL", TAKE, 2, f"set{key}", "taken"), ("INCRBYFLOAT", "float", "0.1"),
                    ("XADD", "stream", "*", "a", member), ("XTRIM", "stream", "MAXLEN", 50),
                    ("MULTI",), ("LPUSH", f"l{key}", member), ("SELECT", rng.randrange(3)), ("LPOP", f"l{key}"),
                    ("HSET", f"h{key}", member, "x"), ("EXEC",),
                    ("GET", f"s{key}"), ("SETNX", f"n{key}", member), ("GETDEL", f"n{rng.randrange(40)}"),
                    ("MOVE", f"n{key}", 3), ("EXPIRE", f"h{key}", rng.choice((-1, 3600))), ("BLPOP", f"l{key}", "0.001"),
                    ("PUBLISH", "channel", member)] + [("SWAPDB", 0, 1)] * rng.randrange(2))
                self.assertEqual([str(reply) for reply in replies if isinstance(reply, harness.RespError)], [])

    def in_step(self, replica):
        """Waits until the replica has all, and compares."""
        def confirmed():
            with self.proxy.client() as client:
                client.must("SET", "last", "1")
                return client.must("WAIT", 1, 1000) >= 1
        harness.wait_until(confirmed, "the replica has confirmed all")
        self.compare(replica)

    def compare(self, replica):
        # What expires soon would otherwise do so between the one look and the other.
        written = time.monotonic()
        harness.wait_until(lambda: time.monotonic() > written + 2 * SHORT_MS / 1000, "short-lived keys have expired")
        with self.behind.client() as client:
            reserved = dataset.databases(client) - 1
        ours, theirs = dataset.contents(self.behind.port, reserved), dataset.contents(replica.port, reserved + 1)
        self.assertGreater(len(ours), 10)
        self.assertEqual(dataset.differences(ours, theirs), "")


class RealReplicaTest(harness.EveryBuild, ReplicaTest):
    def on_build(self, build):
        self.begin(build)
        self.write(50, "before")
        replica = self.replica()
        self.write(50, "while it attaches")
        self.in_step(replica)
        writers = [threading.Thread(target=self.write, args=(50, seed)) for seed in ("one", "two", "three")]
        for writer in writers:
            writer.start()
        second = self.replica("second")
        for writer in writers:
            writer.join()
        self.in_step(replica)
        second.stop()

        # It comes back to the same stream.
        with self.proxy.client() as client:
            self.assertGreaterEqual(client.must("CLIENT", "KILL", "TYPE", "replica"), 1)
        self.write(20, "partial")
        self.in_step(replica)
        self.assertIn("partial resynchronization", replica.said().lower())

        for victim in (self.proxy, self.behind):
            victim.kill()
            victim.start()
            self.proxy.wait_ready()
            self.write(20, victim.name)
            self.in_step(replica)
        dataset.verify(self.proxy, self.behind)


class MinReplicasTest(harness.EveryBuild, ReplicaTest):
    """min-replicas-to-write: of Holdfast, before the log."""

    def on_build(self, build):
        self.begin(build, flags=("--limits-min-replicas-to-write", "1"))
        scripts = build != "6.2.5"
        with self.proxy.client() as client:
            self.assertIn("min_slaves_good_slaves:0", client.must("INFO", "replication"))
            self.assertEqual(sorted(client.must("CONFIG", "GET", "min-replicas-*")),
                             ["1", "10", "min-replicas-max-lag", "min-replicas-to-write"])
            refused = [("SET", "a", "1"), ("LPUSH", "l", "x")]
            if scripts:
                refused += [("EVAL", "return redis.call('SET', KEYS[1], 1)", 1, "a"),
                            ("EVAL", "#!lua\nreturn redis.call('GET', KEYS[1])", 1, "a")]
            for command in refused:
                self.assertRegex(str(client.command(*command)), "^NOREPLICAS Not enough good replicas to write\\.")
            self.assertIsNone(client.must("GET", "a"))
            self.assertEqual(client.must("EVAL", "return redis.call('EXISTS', KEYS[1])", 1, "a"), 0)
            replica = self.replica()
            harness.wait_until(lambda: "min_slaves_good_slaves:1" in client.must("INFO", "replication"), "it follows")
            client.must("SET", "a", "1")
            self.assertEqual(client.must("EVAL", "return redis.call('INCR', KEYS[1])", 1, "a"), 2)
            replica.stop()
            harness.wait_until(lambda: "min_slaves_good_slaves:0" in client.must("INFO", "replication"), "it is gone")
            self.assertRegex(str(client.command("SET", "a", "2")), "^NOREPLICAS ")
            client.must("CONFIG", "SET", "min-slaves-to-write", "0")
            self.assertEqual(client.must("INCR", "a"), 3)
        dataset.verify(self.proxy, self.behind)


class FollowerTest(ReplicaTest):
    """Other clients that follow."""

    def follow(self, *requests):
        """A connection that has got its copy: (connection, stream, copy)."""
        client = self.proxy.client(binary=True)
        for request in requests:
            client.send(*request)
        while not (line := client.stream.readline()).startswith(b"$"):
            pass
        return client, client.stream.read(int(line[1:]))

    def commands(self, client, count):
        return [b" ".join(client.read()).decode() for _ in range(count)]

    def test_stream(self):
        self.begin("7.0.15")
        with self.proxy.client() as other:
            other.must("SET", "before", "1")
            client, copy = self.follow(("SYNC",))
            self.assertIn(b"before", copy)
            self.assertNotIn(b"holdfast", copy)
            other.pipeline([("SET", "a", "1"), ("MULTI",), ("INCR", "a"), ("SELECT", "2"), ("INCR", "b"), ("EXEC",)])
            for command in (("EVAL", "return redis.call('INCR', 'c')", 0), ("SPOP", "nothing"), ("DEL", "b")):
                other.must(*command)
            self.assertEqual(self.commands(client, 9), ["SELECT 0", "SET a 1", "MULTI", "INCR a", "SELECT 2", "INCR b",
                                                        "EXEC", "INCR c", "DEL b"])
            self.assertIn("connected_slaves:1", other.must("INFO", "replication"))
            self.assertEqual(other.must("ROLE")[0], "master")
            self.assertEqual(other.must("WAIT", 1, 10), 0)  # it has confirmed nothing
            self.assertEqual(other.must("CLIENT", "KILL", "TYPE", "replica"), 1)
            self.assertEqual(client.stream.read(), encode_get_ack())
            harness.wait_until(lambda: "connected_slaves:0" in other.must("INFO", "replication"), "it is gone")

    def test_redis_cli(self):
        self.begin("7.0.15")
        self.write(20, "cli")
        with self.proxy.client() as other:
            other.must("SET", "mine", "1")
        rdb = self.directory / "taken.rdb"
        subprocess.run(["redis-cli", "-p", str(self.proxy.port), "--rdb", rdb], check=True, capture_output=True,
                       timeout=60)
        other = harness.RedisServer("7.0.15", self.directory, name="loaded")
        self._started.append(other)
        other.start(rdb=rdb)
        self.compare(other)
        follower = self.process("replica-cli", ["redis-cli", "-p", self.proxy.port, "--replica"])
        follower.wait_said("SYNC done")
        with self.proxy.client() as client:
            client.must("SET", "seen", "1")
        follower.wait_said('"SET","seen","1"')

    def test_an_unread_replica_is_let_go(self):
        self.begin("7.0.15")
        client, _ = self.follow(("SYNC",))
        with self.proxy.client() as other:
            other.must("CONFIG", "SET", "client-output-buffer-limit", "replica 8mb 0 0")
            for number in range(40):
                other.must("SET", f"k{number}", "x" * 1_000_000)
            harness.wait_until(lambda: "connected_slaves:0" in other.must("INFO", "replication"), "it is gone")
        client.close()

    def test_rights(self):
        for build in ("6.2.5", "7.0.15"):
            self.begin(build)
            with self.proxy.client() as admin:
                admin.must("SET", "a", "1")
                admin.must("ACL", "SETUSER", "replica", "on", ">secret", "+psync", "+replconf", "+ping")
                admin.must("ACL", "SETUSER", "other", "on", ">secret", "+@all", "-psync", "-sync", "~*")
                with self.proxy.client() as other:
                    other.must("AUTH", "other", "secret")
                    for command in (("PSYNC", "?", "-1"), ("SYNC",)):
                        self.assertIn("NOPERM", str(other.command(*command)))
                    self.assertEqual(other.must("GET", "a"), "1")
                replica = self.replica(f"replica-{build}", ["--masteruser", "replica", "--masterauth", "secret"])
                harness.wait_until(lambda: admin.must("WAIT", 1, 100) == 1, "the replica has confirmed")
            with replica.client() as reader:
                self.assertEqual(reader.must("GET", "a"), "1")
            self.proxy.stop()


def encode_get_ack():
    return harness.encode(("REPLCONF", "GETACK", "*"))


if __name__ == "__main__":
    unittest.main()
