"""Faults under way: a full disk, a Redis that hangs, goes, is full or is written to by others, stopping. Reads go on,
errors say what they should, and nothing acknowledged is lost."""
import hashlib
import os
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

import harness
from dataset import RawClient, contents, differences, verify

MIB = 1 << 20


def word(reply):
    """What an error reply begins with; None for any other."""
    return str(reply).split(" ")[0] if isinstance(reply, harness.RespError) else None


def resident(process, field="VmRSS"):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field}")


class FaultsCase(harness.SystemTest):
    """One Redis, one proxy, one log."""

    def begin(self, log=None, flags=()):
        self.behind = self.redis()
        self.proxy = self.holdfast(self.behind, log, flags)
        return self.proxy.client(timeout=60)

    def assert_comes_back(self, expected):
        """kill -9 of both; Redis comes back empty."""
        self.proxy.kill()
        self.behind.kill()
        self.behind.start()
        self.proxy.start()
        self.assertEqual(differences(expected, contents(self.behind.port)), "")


class FaultsTest(FaultsCase):
    """What can fail around the proxy."""

    # --- the disk

    def mount_small_disk(self):
        disk = self.directory / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], capture_output=True,
                              check=False)
        if done.returncode != 0:
            self.skipTest(f"mounting takes root: {done.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        return disk

    def test_disk_full(self):
        disk = self.mount_small_disk()
        client = self.begin(f"sqlite:{disk}/log.db")
        (disk / "ballast").write_bytes(bytes(4 * MIB))
        acknowledged, refused = [], []
        for number in range(400):
            key = f"k:{number}"
            reply = client.command("SET", key, os.urandom(50000))
            if reply == "OK":
                acknowledged.append(key)
            else:
                self.assertEqual(word(reply), "NOTWRITTEN", reply)
                refused.append(key)
            if len(refused) > 20:
                break
        self.assertGreater(len(acknowledged), 50)
        self.assertGreater(len(refused), 20)
        # Reads go on, and what was refused is not there.
        for key in acknowledged:
            self.assertEqual(client.must("STRLEN", key), 50000)
        self.assertEqual(client.must("EXISTS", *refused), 0)
        (disk / "ballast").unlink()
        harness.wait_until(lambda: client.command("SET", "room", "again") == "OK", "writes work again", timeout=20)
        self.assertEqual(client.must("INCR", "counter"), 1)
        self.assertEqual(client.must("EXISTS", *refused), 0)
        before = contents(self.behind.port)
        self.assert_comes_back(before)
        self.assertEqual(len(before), len(acknowledged) + 2)

    def test_disk_full_at_the_start(self):
        disk = self.mount_small_disk()
        client = self.begin(f"sqlite:{disk}/log.db", flags=("--timeouts-attach-ms", "3000"))
        self.assertEqual(client.must("SET", "a", "1"), "OK")
        self.proxy.kill()
        with open(disk / "ballast", "wb", buffering=0) as ballast, self.assertRaises(OSError):
            while True:
                ballast.write(bytes(4096))
        self.proxy.start(wait=False)
        harness.wait_until(lambda: not self.proxy.is_running() or self.proxy.answers(),
                           "it serves reads, or ends with the reason", timeout=30)
        if not self.proxy.is_running():
            self.assertIn("disk", self.proxy.said().splitlines()[-1])
        (disk / "ballast").unlink()
        if not self.proxy.is_running():
            self.proxy.start()
        with self.proxy.client() as again:
            harness.wait_until(lambda: again.command("SET", "b", "2") == "OK", "writes work again", timeout=30)
            self.assertEqual(again.must("GET", "a"), "1")

    # --- Redis

    def test_hung_redis(self):
        client = self.begin(flags=("--timeouts-write-ms", "1500", "--timeouts-read-ms", "1000"))
        client.must("SET", "a", "1")
        self.behind.pause()
        outcomes = []
        for command in (("GET", "a"), ("INCR", "a"), ("GET", "a"), ("SET", "b", "2")):
            begin = time.monotonic()
            reply = client.command(*command)
            self.assertLess(time.monotonic() - begin, 4, command)
            self.assertIsNotNone(word(reply), f"{command}: {reply}")
            outcomes.append(word(reply))
        self.assertEqual(outcomes[:2], ["UNAVAILABLE", "UNKNOWN"])
        self.assertIn(outcomes[3], ("UNKNOWN", "NOTWRITTEN"))
        self.behind.resume()
        harness.wait_until(lambda: word(client.command("GET", "a")) is None, "reads work again", timeout=20)
        harness.wait_until(lambda: client.command("SET", "c", "3") == "OK", "writes work again", timeout=20)
        # The write with the unknown outcome was in the log already.
        self.assertEqual(client.must("GET", "a"), "2")
        self.assertEqual(client.must("GET", "b"), "2" if outcomes[3] == "UNKNOWN" else None)
        self.assert_comes_back(contents(self.behind.port))

    def test_endless_script(self):
        """It is waited for beyond the time-outs, as in Redis; others are told BUSY until one of them kills it. A proxy that
        starts meanwhile says what it waits for."""
        client = self.begin(flags=("--timeouts-write-ms", "1500", "--timeouts-read-ms", "1000"))
        other = self.proxy.client()
        other.must("CONFIG", "SET", "lua-time-limit", "100")
        client.must("SET", "a", "1")
        client.send("EVAL", "while true do end", "0")
        harness.wait_until(lambda: word(other.command("GET", "a")) == "BUSY", "Holdfast says BUSY")
        begin = time.monotonic()
        while time.monotonic() - begin < 2:
            for command in (("SET", "b", "1"), ("PING",), ("EVAL", "return 1", "0")):
                self.assertEqual(word(other.command(*command)), "BUSY")
        other.must("SCRIPT", "KILL")
        self.assertIn("killed by user", str(client.read()))
        harness.wait_until(lambda: other.command("SET", "c", "1") == "OK", "writes work again", timeout=20)

        client.send("EVAL", "while true do end", "0")
        harness.wait_until(self.is_busy, "the script runs")
        self.proxy.kill()
        self.proxy.start(wait=False)
        self.proxy.wait_said("busy")
        with self.behind.client() as direct:
            harness.wait_until(lambda: not self.is_busy() or direct.command("SCRIPT", "KILL") is None,
                               "the script is killed")
        self.proxy.wait_ready(30)
        with self.proxy.client() as client:
            harness.wait_until(lambda: client.command("SET", "c", "1") == "OK", "writes work again", timeout=20)
            self.assertEqual(client.must("GET", "a"), "1")
            self.assertIsNone(client.must("GET", "b"))
        self.assert_comes_back(contents(self.behind.port))

    def is_busy(self):
        with self.behind.client() as direct:
            return word(direct.command("GET", "a")) == "BUSY"

    def test_redis_gone(self):
        client = self.begin(flags=("--timeouts-write-ms", "1500", "--timeouts-read-ms", "1000"))
        client.must("SET", "a", "1")
        self.behind.kill()
        outcomes = []
        for command in (("GET", "a"), ("INCR", "a"), ("MULTI",), ("GET", "a"), ("EXEC",)):
            begin = time.monotonic()
            outcomes.append(word(client.command(*command)))
            self.assertLess(time.monotonic() - begin, 4, command)
        self.assertIn(outcomes[0], ("LOADING", "UNAVAILABLE"))
        self.assertIn(outcomes[1], ("NOTWRITTEN", "UNKNOWN"))
        self.behind.start()
        harness.wait_until(lambda: client.command("DBSIZE") == 1, "Redis is back", timeout=20)
        self.assertIn(client.must("GET", "a"), ("1",) if outcomes[1] == "NOTWRITTEN" else ("1", "2"))

    def test_scripts_outlast_redis(self):
        """A client takes a script for known as long as its connection lasts, which is longer than Redis does."""
        client = self.begin()
        loaded = client.must("SCRIPT", "LOAD", "return redis.call('INCR', KEYS[1])")
        client.must("EVAL", "return redis.call('GET', KEYS[1])", "1", "a")
        client.must("MULTI")
        client.must("EVAL", "return 'queued'", "0")
        client.must("EXEC")
        self.behind.kill()
        self.behind.start()
        client.must("MULTI")
        client.must("EVALSHA", loaded, "1", "a")
        for script in ("return redis.call('GET', KEYS[1])", "return 'queued'"):
            client.must("EVALSHA", hashlib.sha1(script.encode()).hexdigest(), "1", "a")
        self.assertEqual(client.must("EXEC"), [1, "1", "queued"])
        client.must("SCRIPT", "FLUSH")
        self.behind.kill()
        self.behind.start()
        self.assertEqual(word(client.command("EVALSHA", loaded, "1", "a")), "NOSCRIPT")

    def test_redis_becomes_the_replica_of_another(self):
        """Somebody does it behind Holdfast's back: its data goes, and comes back."""
        client = self.begin()
        client.must("MSET", "a", "1", "b", "2")
        other = self.redis(name="other")
        with other.client() as direct:
            direct.must("SET", "foreign", "1")
        with self.behind.client() as direct:
            direct.must("REPLICAOF", "127.0.0.1", other.port)
            harness.wait_until(lambda: "master_link_status:up" in direct.must("INFO", "replication"), "it follows", 20)
        harness.wait_until(lambda: client.command("SET", "c", "3") == "OK", "writes work", timeout=30)
        self.assertEqual(client.must("MGET", "a", "b", "c", "foreign"), ["1", "2", "3", None])
        self.assert_comes_back(contents(self.behind.port))

    def test_writes_behind_its_back(self):
        """What somebody writes to Redis directly is seen on the tap and kept."""
        client = self.begin()
        client.must("SET", "a", "1")
        with self.behind.client() as direct:
            direct.must("INCR", "a")
            direct.must("SET", "own", "x", "EX", "10000")
            direct.must("EVAL", "redis.call('SET', KEYS[1], redis.call('TIME')[1])", "1", "script")
        self.assertEqual(client.must("INCR", "a"), 3)
        self.assert_comes_back(contents(self.behind.port))

    def test_restart_of_redis_with_its_own_save(self):
        """Redis saves at SHUTDOWN and comes back with all: nothing is applied twice."""
        client = self.begin()
        for _ in range(100):
            client.must("INCR", "a")
        with self.behind.client() as direct:
            direct.must("SAVE")
        self.proxy.kill()
        self.behind.come_back_with_its_save()
        self.proxy.start()
        with self.proxy.client() as again:
            self.assertEqual(again.must("INCR", "a"), 101)

    # --- memory

    def test_maxmemory(self):
        """With a limit Holdfast refuses before the log; Redis itself has none."""
        limit = 20 * MIB
        client = self.begin(flags=("--limits-maxmemory", str(limit)))
        written = 0
        while (reply := client.command("SET", f"k:{written}", "x" * 50000)) == "OK":
            written += 1
        self.assertEqual(word(reply), "OOM")
        self.assertEqual(client.must("GET", "k:0"), "x" * 50000)
        self.assertEqual(word(client.command("LPUSH", "list", "x")), "OOM")
        # Each value takes 56 KiB of Redis's memory; an empty Redis takes up to 3 MiB.
        self.assertGreater(written * 56 * 1024, limit - 4 * MIB)
        self.assertLess(written * 56 * 1024, limit + 2 * MIB)
        # As with Redis itself the very next write finds the room that was made. (What is made is more than what the
        # limit may be exceeded by: the writes that are answered before Redis has told how much it uses.)
        for number in range(0, written, 8):
            client.must("DEL", *[f"k:{number + i}" for i in range(8)])
            client.must("SET", "again", "x" * 50000)
            client.must("SET", f"k:{number}", "x" * 50000)
            while client.command("SET", f"fill:{number}", "x" * 50000) == "OK":
                number += 1
        self.assert_comes_back(contents(self.behind.port))

    def test_maxmemory_and_no_redis(self):
        """How much it uses is not known yet: clients are told in a bounded time all the same."""
        client = self.begin(flags=("--limits-maxmemory", "1gb", "--timeouts-read-ms", "500"))
        client.must("SET", "a", "1")
        self.proxy.kill()
        self.behind.kill()
        self.proxy.start(wait=False)
        harness.wait_until(self.listens, "clients are accepted")
        with self.proxy.client(timeout=20) as client:
            self.assertEqual(word(client.command("GET", "a")), "LOADING")
            self.assertIn(word(client.command("SET", "a", "2")), ("NOTWRITTEN", "LOADING"))

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.proxy.port)) == 0

    def test_maxmemory_set_by_a_client(self):
        """The limit holds with either kind of policy, and a Redis that comes back has it again."""
        client = self.begin()
        behind = self.behind.client()
        self.assertEqual(client.must("CONFIG", "SET", "maxmemory", "8mb"), "OK")
        self.assertEqual(client.must("CONFIG", "GET", "maxmemory"), ["maxmemory", str(8 * MIB)])
        self.assertIn("maxmemory_human:8.00M", client.must("INFO", "memory"))
        self.assertEqual(behind.must("CONFIG", "GET", "maxmemory"), ["maxmemory", "0"])
        number = 0
        while client.command("SET", f"k:{number}", "x" * 50000) == "OK":
            number += 1
        self.assertLess(number, 300)
        self.assertEqual(client.must("CONFIG", "SET", "maxmemory-policy", "allkeys-random"), "OK")
        client.must("CONFIG", "SET", "notify-keyspace-events", "KEA")
        for number in range(300):
            client.must("SET", f"more:{number}", "x" * 50000)
        self.assertLess(client.must("DBSIZE"), 300)
        self.behind.kill()
        self.behind.start()
        self.proxy.wait_ready()
        behind = self.behind.client()
        self.assertEqual(behind.must("CONFIG", "GET", "maxmemory"), ["maxmemory", str(8 * MIB)])
        self.assertEqual(behind.must("CONFIG", "GET", "maxmemory-policy"), ["maxmemory-policy", "allkeys-random"])
        self.assertEqual(set(behind.must("CONFIG", "GET", "notify-keyspace-events")[1]), set("AKE"))

    def test_nothing_left_to_evict(self):
        """With a policy that evicts Redis queues nothing once it is full and finds nothing to evict. Clients see what
        they see of a plain Redis: what takes memory is refused, what makes room is not."""
        for build in harness.REDIS_BUILDS:
            with self.subTest(build=build):
                self.fill_beyond_eviction(build)

    def fill_beyond_eviction(self, build):
        options = ("--maxmemory", "20mb", "--maxmemory-policy", "volatile-lru")
        self.behind = self.redis(build, options)
        self.proxy = self.holdfast(self.behind, f"sqlite:{self.directory}/{build}.db", name=f"holdfast-{build}")
        plain = self.redis(build, options, name=f"plain-{build}")
        behind = self.behind.client()
        with self.proxy.client() as ours, plain.client() as theirs:
            for client in (ours, theirs):
                self.fill_up(client)
                # Well above it, however much the requests themselves take.
                client.must("CONFIG", "SET", "maxmemory", "18mb")
            for command in ("GET k:0", "DEL k:none", "LPUSH list x", "EXPIRE k:none 10", "PERSIST k:0", "MSET a 1 b 2",
                            "MULTI", "GET k:1", "DEL k:none", "EXEC", "MULTI", "SET a 1", "EXEC", "INCR n"):
                expected = theirs.command(*command.split())
                self.assertEqual(str(ours.command(*command.split())), str(expected), command)
            # One by itself, that no other was refused before.
            self.assertEqual(ours.must("CONFIG", "SET", "maxmemory", "18mb"), "OK")
            self.assertEqual(ours.must("DEL", "k:none"), 0)
            self.assertEqual(ours.must("CONFIG", "SET", "maxmemory", "20mb"), "OK")
            self.make_room(ours, behind)
            # What may be evicted is.
            self.fill_up(ours)
            for number in range(200):
                ours.must("EXPIRE", f"k:{number}", "1000")
            self.wait_for_room(ours)
            self.assertIsNone(ours.must("GET", "k:none"))
            self.wait_for_limit(behind, 20 * MIB)
            # A pipeline that is caught in a refused batch: each command by itself.
            replies = self.fill_up(ours, tail=[("PERSIST", "k:0"), ("GET", "k:none"), ("LPUSH", "l", "x")])
            self.assertEqual([word(reply) or reply for reply in replies[:3]], ["OOM", 0, None])
            self.assertIn(word(replies[3]), ("OOM", None))  # what was refused left room for it, or did not
            # Killed in the middle of it, Holdfast leaves no Redis without a limit behind.
            self.assertGreater(int(behind.must("CONFIG", "GET", "maxmemory")[1]), 20 * MIB)
            self.assertEqual(ours.must("CONFIG", "GET", "maxmemory"), ["maxmemory", str(20 * MIB)])
        self.proxy.kill()
        self.proxy.start()
        self.assertEqual(behind.must("CONFIG", "GET", "maxmemory")[1], str(20 * MIB))
        with self.proxy.client() as ours:
            ours.must("CONFIG", "SET", "maxmemory", "18mb")
            self.assertEqual(word(ours.command("SET", "a", "x")), "OOM")
            # A new limit ends it.
            self.assertEqual(ours.must("CONFIG", "SET", "maxmemory", "30mb"), "OK")
            self.assertEqual(ours.must("SET", "a", "x" * 50000), "OK")
            self.assertEqual(behind.must("CONFIG", "GET", "maxmemory")[1], str(30 * MIB))
        self.assert_comes_back(contents(self.behind.port))

    def test_limit_set_behind_its_back(self):
        """Somebody gives Redis a limit that Holdfast knows nothing of: one second try, then a clear error."""
        client = self.begin()
        client.must("RPUSH", "list", "x")
        client.must("SET", "a", "x")
        with self.behind.client() as behind:
            behind.must("CONFIG", "SET", "maxmemory", "1mb")
            self.assertEqual(word(client.command("DEL", "a")), "OOM")
            self.assertEqual(word(client.command("BLPOP", "none", "list", "1")), "OOM")
            behind.must("CONFIG", "SET", "maxmemory", "0")
        self.assertEqual(client.must("DEL", "a"), 1)
        self.assertLess(len(harness.recover("inspect", "--json", "--log", self.proxy.log).stdout.splitlines()), 30)

    def fill_up(self, client, tail=()):
        """Writes until it is refused. With `tail`, that is sent behind each write in one go; returns the last replies."""
        for number in range(1000):
            replies = client.pipeline([("SET", f"k:{number}", "x" * 50000), *tail])
            if word(replies[0]) == "OOM":
                return replies
            self.assertEqual(replies[0], "OK")
        self.fail("there is no limit")

    def make_room(self, client, behind):
        self.assertEqual(client.must("DEL", *[f"k:{number}" for number in range(50)]), 50)
        self.wait_for_room(client)
        self.wait_for_limit(behind, 20 * MIB)

    def wait_for_limit(self, behind, limit):
        harness.wait_until(lambda: behind.must("CONFIG", "GET", "maxmemory")[1] == str(limit), "Redis keeps the limit")

    def wait_for_room(self, client):
        harness.wait_until(lambda: client.command("SET", "room", "x") == "OK", "writes are taken again", timeout=10)

    def test_eviction(self):
        """What Redis evicts is gone in the log, too."""
        for policy in ("volatile-lru", "allkeys-lru", "allkeys-random"):
            with self.subTest(policy=policy):
                redis = self.redis(name=policy, options=("--maxmemory", "40mb", "--maxmemory-policy", policy))
                proxy = self.holdfast(redis, f"sqlite:{self.directory}/{policy}.db", name=f"holdfast-{policy}")
                with proxy.client() as client:
                    for number in range(3000):
                        client.must("SET", f"k:{number}", "x" * 20000, "EX", "100000")
                        if number % 10 == 0:
                            client.must("GET", f"k:{number // 2}")
                    self.assertLess(client.must("DBSIZE"), 2000)
                before = contents(redis.port)
                redis.kill()
                redis.start()
                proxy.wait_ready()
                # Brought back, it may evict some more by itself; none that was evicted comes back, and none differs.
                after = contents(redis.port)
                self.assertEqual({key for key in after if after[key] != before.get(key)}, set())
                self.assertGreater(len(after), len(before) // 2)
                verify(proxy, redis)

    # --- stopping

    def test_sigterm_drains(self):
        self.begin().close()
        counts = []

        def writer(index):
            acknowledged = 0
            try:
                with self.proxy.client() as client:
                    while True:
                        client.must("INCR", f"c:{index}")
                        acknowledged += 1
                        counts[index] = acknowledged
            except (OSError, harness.RespError):
                pass

        counts.extend([0] * 8)
        threads = [threading.Thread(target=writer, args=(index,)) for index in range(8)]
        for thread in threads:
            thread.start()
        harness.wait_until(lambda: min(counts) > 20, "the writers write")
        with RawClient(self.proxy.port) as pipeline:
            pipeline.send_raw(harness.encode(("INCR", "pipeline")) * 500)
            pipeline.read()
            begin = time.monotonic()
            self.assertEqual(self.proxy.stop(), 0)
            self.assertLess(time.monotonic() - begin, 10)
            answered = 1 + pipeline.read_to_end().count(b":")
        for thread in threads:
            thread.join()
        # Each write that was carried out was answered: the counters are equal.
        with self.behind.client() as client:
            self.assertEqual([int(client.must("GET", f"c:{index}")) for index in range(8)], counts)
            self.assertEqual(int(client.must("GET", "pipeline")), answered)
        self.assertIn("stopped", self.proxy.said())

    def test_sigterm_while_redis_is_gone(self):
        client = self.begin(flags=("--timeouts-drain-ms", "2000"))
        client.must("SET", "a", "1")
        self.behind.kill()
        client.send("INCR", "a")
        begin = time.monotonic()
        self.proxy.stop()
        self.assertLess(time.monotonic() - begin, 8)


if __name__ == "__main__":
    unittest.main()
