"""Faults under way: a full disk, brokers without quorum, a hung Redis, hostile clients, stopping. Reads go on, errors say
what they should, memory stays bounded, and nothing acknowledged is lost."""
import os
import subprocess
import threading
import time
import unittest
from pathlib import Path

import harness
from dataset import RawClient, contents, differences

MIB = 1 << 20


def word(reply):
    """What an error reply begins with; None for any other."""
    return str(reply).split(" ")[0] if isinstance(reply, harness.RespError) else None


def resident(process, field="VmRSS"):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field}")


class SqliteFaultsTest(harness.SystemTest):
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

    # --- the disk

    def mount_small_disk(self):
        disk = self.directory / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], capture_output=True, check=False)
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
            self.assertEqual(client.must("STRLEN", key) > 40000, True)
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
        def ended_or_reads():
            return not self.proxy.is_running() or self.proxy.answers()
        harness.wait_until(ended_or_reads, "it serves reads, or ends with the reason", timeout=30)
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
        rdb = self.directory / "kept.rdb"
        rdb.write_bytes((self.behind.data / "dump.rdb").read_bytes())
        self.proxy.kill()
        self.behind.kill()
        self.behind.start(rdb=rdb)
        self.proxy.start()
        with self.proxy.client() as again:
            self.assertEqual(again.must("INCR", "a"), 101)

    # --- clients

    def test_garbage(self):
        client = self.begin()
        plain = self.redis(name="plain")
        def outcome(port, garbage):
            with RawClient(port, timeout=20) as hostile:
                try:
                    hostile.send_raw(garbage)
                    return hostile.stream.read()
                except ConnectionResetError:
                    return b"reset"

        for garbage in (b"*1\r\n$abc\r\n", b"*-5\r\n", b"*9999999999\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$99999999999\r\n",
                        b"*2\r\n$3\r\nGET\r\nnonsense\r\n", b"\xff\xfe\r\n", b"GET \"unbalanced\r\n", b"*1\r\n:5\r\n",
                        b"$5\r\nhallo\r\n", b"POST / HTTP/1.1\r\nHost: here\r\n\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n*1\r\n", b"*0\r\n*-1\r\n\r\n\r\n"):
            with self.subTest(garbage=garbage[:40]):
                answers = [outcome(port, garbage + b"\r\nPING\r\nQUIT\r\n") for port in (self.proxy.port, plain.port)]
                self.assertEqual(answers[0], answers[1])
                self.assertEqual(client.must("PING"), "PONG")
        # A browser that was made to send this: nothing behind it may be carried out.
        self.assertNotIn(b"OK", outcome(self.proxy.port, b"GET / HTTP/1.1\r\nHost: here\r\n\r\nSET a 1\r\nQUIT\r\n"))
        # Lines without end. Where Redis notices depends on how they arrive.
        for garbage in (b"A" * 70000, b"*" + b"1" * 70000, b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$" + b"1" * 70000):
            with self.subTest(garbage=garbage[:40]):
                self.assertIn(outcome(self.proxy.port, garbage)[:20], (b"-ERR Protocol error:", b"reset"))
        client.must("SET", "a", "1")

    def test_random_bytes(self):
        client = self.begin()
        for _ in range(200):
            with RawClient(self.proxy.port, timeout=20) as hostile:
                try:
                    hostile.send_raw(os.urandom(2000) + b"\r\n")
                except OSError:
                    pass
        self.assertEqual(client.must("SET", "a", "1"), "OK")
        self.assertEqual(client.must("DBSIZE"), 1)

    def test_half_a_request(self):
        client = self.begin()
        request = harness.encode(("SET", "half", "x" * 100000))
        for end in (1, 10, 20, 1000, len(request) - 1):
            with RawClient(self.proxy.port) as hostile:
                hostile.send_raw(request[:end])
        # A transaction that is never executed, too.
        with RawClient(self.proxy.port) as hostile:
            hostile.send_raw(b"MULTI\r\nSET half 1\r\nSET half 2\r\n")
        self.wait_for_clients(client, 1)
        self.assertIsNone(client.must("GET", "half"))

    def test_disconnect_behind_a_write(self):
        client = self.begin()
        for number in range(50):
            with RawClient(self.proxy.port) as hasty:
                hasty.send_raw(harness.encode(("INCR", "hasty")) * (number + 1))
        self.wait_for_clients(client, 1)
        value = int(client.must("GET", "hasty") or 0)
        self.assertLessEqual(value, 50 * 51 // 2)
        self.assert_comes_back(contents(self.behind.port))

    def wait_for_clients(self, client, count):
        harness.wait_until(lambda: len(client.must("CLIENT", "LIST").splitlines()) == count, f"{count} clients are left")

    def test_client_that_never_reads(self):
        client = self.begin(flags=("--limits-client-output-bytes", "8MiB"))
        client.must("SET", "big", "x" * MIB)
        client.must("GET", "big")
        before = resident(self.proxy)
        deaf = RawClient(self.proxy.port)
        deaf.socket.settimeout(2)
        sent, requests = 0, harness.encode(("GET", "big")) * 1000
        try:
            while sent < 20:
                deaf.send_raw(requests)
                sent += 1
        except TimeoutError:
            pass  # nothing more is read from it
        for number in range(200):
            client.must("INCR", "counter")
            client.must("GET", "big")
        peak = resident(self.proxy, "VmHWM")
        self.assertLess(peak - before, 200 * MIB, f"{before // MIB} MiB before, {peak // MIB} MiB at most")
        deaf.close()
        self.wait_for_clients(client, 1)

    def test_many_that_never_read(self):
        """All together are bounded too: the worst one goes."""
        client = self.begin(flags=("--limits-client-output-bytes", "16MiB", "--limits-total-bytes", "64MiB"))
        client.must("SET", "big", "x" * MIB)
        deaf = [RawClient(self.proxy.port) for _ in range(10)]
        for one in deaf:
            one.send_raw(harness.encode(("GET", "big")) * 200)
        self.proxy.wait_said("limits.total-bytes", timeout=30)
        for _ in range(100):
            client.must("INCR", "counter")
        self.assertLess(resident(self.proxy, "VmHWM"), 400 * MIB)
        for one in deaf:
            one.close()
        self.wait_for_clients(client, 1)

    def test_value_of_100_mb(self):
        client = self.begin(flags=("--timeouts-write-ms", "60000", "--timeouts-read-ms", "60000"))
        value = os.urandom(MIB) * 100
        self.assertEqual(client.must("SET", "huge", value), "OK")
        client.must("APPEND", "huge", "end")
        with RawClient(self.proxy.port, timeout=60) as raw:
            self.assertTrue(raw.command("GET", "huge") == b"$%d\r\n%send\r\n" % (len(value) + 3, value))
        self.assert_comes_back(contents(self.behind.port))

    def test_request_over_the_limits(self):
        client = self.begin(flags=("--limits-max-bulk-bytes", "1MiB", "--limits-client-query-bytes", "4MiB"))
        with RawClient(self.proxy.port) as greedy:
            greedy.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$%d\r\n" % (2 * MIB))
            self.assertIn(b"invalid bulk length", greedy.stream.read())
        with RawClient(self.proxy.port) as greedy:
            try:
                greedy.send_raw(harness.encode(["MSET"] + ["x" * (MIB - 1)] * 10))
                self.assertEqual(greedy.stream.read(), b"")
            except ConnectionError:
                pass
        with RawClient(self.proxy.port) as greedy:
            try:
                greedy.send_raw(b"MULTI\r\n" + harness.encode(("SET", "a", "x" * (MIB - 1))) * 100)
                self.assertLess(len(greedy.stream.read()), 1000)
            except ConnectionError:
                pass
        self.assertLess(resident(self.proxy, "VmHWM"), 200 * MIB)
        self.assertEqual(client.must("DBSIZE"), 0)

    def test_too_many_clients(self):
        self.begin(flags=("--limits-clients", "5")).close()
        held = []
        harness.wait_until(lambda: self.accepted(held) or len(held) > 5, "all places are taken", timeout=10)
        self.assertEqual(len(held), 5)
        with RawClient(self.proxy.port) as late:
            self.assertEqual(late.stream.read(), b"-ERR max number of clients reached\r\n")
        held.pop().close()
        harness.wait_until(lambda: self.accepted(held), "there is room again", timeout=10)

    def accepted(self, held):
        """Adds a client that was let in. True: a place was free."""
        while len(held) < 6:
            one = RawClient(self.proxy.port)
            try:
                if one.command("PING") == b"+PONG\r\n":
                    held.append(one)
                    if len(held) == 5:
                        return True
                    continue
            except ConnectionError:
                pass
            one.close()
            return False
        return False

    def test_maxmemory(self):
        """With a limit Holdfast refuses before the log; Redis itself has none."""
        client = self.begin(flags=("--limits-maxmemory", "20MiB"))
        refused = 0
        for number in range(2000):
            reply = client.command("SET", f"k:{number}", "x" * 50000)
            if word(reply) == "OOM":
                refused += 1
                if refused > 5:
                    break
        self.assertGreater(refused, 5)
        self.assertEqual(client.must("DEL", *[f"k:{number}" for number in range(200)]) > 100, True)
        harness.wait_until(lambda: client.command("SET", "again", "1") == "OK", "there is room again", timeout=10)
        self.assert_comes_back(contents(self.behind.port))

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
            answered = 1 + pipeline.stream.read().count(b":")
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
