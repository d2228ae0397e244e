"""Hostile and careless clients: what they send, and what they do not take. Memory stays bounded, others are served, and
nothing of it reaches the data."""
import contextlib
import os
import unittest

import harness
from dataset import RawClient, contents
from faults_test import MIB, FaultsCase, resident


class ClientsTest(FaultsCase):
    def test_garbage(self):
        client = self.begin()
        plain = self.redis(name="plain")
        def outcome(port, garbage):
            with RawClient(port, timeout=20) as hostile:
                with contextlib.suppress(ConnectionError):  # closed before all was sent
                    hostile.send_raw(garbage)
                return hostile.read_to_end()

        for garbage in (b"*1\r\n$abc\r\n", b"*-5\r\n", b"*9999999999\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$99999999999\r\n",
                        b"*2\r\n$3\r\nGET\r\nnonsense\r\n", b"\xff\xfe\r\n", b"GET \"unbalanced\r\n", b"*1\r\n:5\r\n",
                        b"$5\r\nhallo\r\n", b"POST / HTTP/1.1\r\nHost: here\r\n\r\n",
                        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n*1\r\n", b"*0\r\n*-1\r\n\r\n\r\n"):
            with self.subTest(garbage=garbage[:40]):
                answers = [outcome(port, garbage + b"\r\nPING\r\nQUIT\r\n") for port in (self.proxy.port, plain.port)]
                self.assertEqual(answers[0], answers[1])
                self.assertEqual(client.must("PING"), "PONG")
        # A browser that was made to send this: nothing behind it may be carried out.
        self.assertNotIn(b"OK", outcome(self.proxy.port, b"GET / HTTP/1.1\r\nHost: here\r\n\r\nSET a 1\r\nQUIT\r\n"))
        # Lines without end. Where Redis notices depends on how they arrive.
        for garbage in (b"A" * 70000, b"*" + b"1" * 70000, b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$" + b"1" * 70000):
            with self.subTest(garbage=garbage[:40]):
                self.assertEqual(outcome(self.proxy.port, garbage)[:20], b"-ERR Protocol error:")
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
        harness.wait_until(lambda: len(client.must("CLIENT", "LIST").splitlines()) == count,
                           f"{count} clients are left")

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
        """All together are bounded too."""
        client = self.begin(flags=("--limits-client-output-bytes", "16MiB", "--limits-total-bytes", "64MiB"))
        client.must("SET", "big", "x" * MIB)
        deaf = [RawClient(self.proxy.port) for _ in range(10)]
        for one in deaf:
            one.command("GET", "big")  # Holdfast learns what its replies are like
        for one in deaf:
            one.send_raw(harness.encode(("GET", "big")) * 200)
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
            self.assertIn(b"invalid bulk length", greedy.read_to_end())
        with RawClient(self.proxy.port) as greedy:
            with contextlib.suppress(ConnectionError):
                greedy.send_raw(harness.encode(["MSET"] + ["x" * (MIB - 1)] * 10))
            self.assertEqual(greedy.read_to_end(), b"")
        with RawClient(self.proxy.port) as greedy:
            with contextlib.suppress(ConnectionError):
                greedy.send_raw(b"MULTI\r\n" + harness.encode(("SET", "a", "x" * (MIB - 1))) * 100)
            self.assertLess(len(greedy.read_to_end()), 1000)
        self.assertLess(resident(self.proxy, "VmHWM"), 200 * MIB)
        self.assertEqual(client.must("DBSIZE"), 0)

    def test_too_many_clients(self):
        self.begin(flags=("--limits-clients", "5")).close()
        held = []
        harness.wait_until(lambda: self.accepted(held) or len(held) > 5, "all places are taken", timeout=10)
        self.assertEqual(len(held), 5)
        with RawClient(self.proxy.port) as late:
            self.assertEqual(late.read_to_end(), b"-ERR max number of clients reached\r\n")
        held.pop().close()
        harness.wait_until(lambda: self.accepted(held), "there is room again", timeout=10)

    def test_limits_given_at_the_start(self):
        client = self.begin(flags=("--limits-client-output-buffer-limit", "normal 2mb 0 0 pubsub 3mb 1mb 10"))
        self.assertEqual(client.must("CONFIG", "GET", "client-output-buffer-limit")[1],
                         f"normal {2 * MIB} 0 0 slave {256 * MIB} {64 * MIB} 60 pubsub {3 * MIB} {MIB} 10")

    def test_limits_set_by_a_client(self):
        """They are Redis's settings, but about Holdfast's clients; they stay when Redis comes back."""
        client = self.begin()
        client.must("CONFIG", "SET", "maxclients", "3", "client-output-buffer-limit", "pubsub 1mb 0 0 normal 2mb 0 0")
        self.assertEqual(client.must("CONFIG", "GET", "maxclients"), ["maxclients", "3"])
        self.assertIn("\r\nmaxclients:3\r\n", client.must("INFO", "clients"))
        with RawClient(self.proxy.port) as deaf, RawClient(self.proxy.port) as late:
            deaf.command("SUBSCRIBE", "c")
            with RawClient(self.proxy.port) as refused:
                self.assertEqual(refused.read_to_end(), b"-ERR max number of clients reached\r\n")
            late.command("PING")
            # What lies in the sockets' own buffers does not count.
            for _ in range(100):
                if client.must("PUBLISH", "c", "x" * MIB) == 0:
                    break
            self.wait_for_clients(client, 2)
        self.wait_for_clients(client, 1)
        self.assertIn("client-output-buffer-limit", self.proxy.said())
        client.must("SET", "big", "x" * MIB)
        with RawClient(self.proxy.port) as deaf:
            deaf.send_raw(harness.encode(("GET", "big")) * 100)
            self.wait_for_clients(client, 1)
        client.must("CONFIG", "SET", "timeout", "1", "proto-max-bulk-len", "1mb")
        with RawClient(self.proxy.port) as idle:
            self.assertEqual(idle.read_to_end(), b"")
        self.behind.kill()
        self.behind.start()
        self.proxy.wait_ready()
        with self.proxy.client() as again:
            self.assertEqual(again.must("CONFIG", "GET", "timeout"), ["timeout", "1"])
            again.send_raw(b"*2\r\n$3\r\nGET\r\n$%d\r\n" % (MIB + 1))
            self.assertIn("invalid bulk length", str(again.read()))

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

if __name__ == "__main__":
    unittest.main()
