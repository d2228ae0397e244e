"""Who is let in, and how fast: protected mode, and the limit of new connections."""
import os
import socket
import time
import unittest
from pathlib import Path

import harness
from dataset import RawClient


def outside_address():
    """An address of this machine that is not a loopback one; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


class ProtectedModeTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.address = outside_address()
        if self.address is None:
            self.skipTest("this machine has loopback addresses only")
        self.behind = self.redis()

    def start_proxy(self, **options):
        self.proxy = self.holdfast(self.behind, **{"host": "0.0.0.0", **options})
        return self.proxy.client()

    def outside(self):
        return RawClient(self.proxy.port, host=self.address)

    def try_outside(self):
        try:
            return self.outside()
        except ConnectionRefusedError:
            return None

    def assert_denied(self):
        """At once: it need not say anything."""
        with self.outside() as client:
            self.assertRegex(client.read_to_end(), rb"\A-DENIED Redis is running in protected mode because .*\r\n\Z")

    def test_only_this_machine_until_there_is_a_password(self):
        client = self.start_proxy()
        self.assertEqual(client.must("CONFIG", "GET", "protected-mode"), ["protected-mode", "yes"])
        self.assert_denied()
        client.must("CONFIG", "SET", "protected-mode", "no")
        with self.outside() as outside:
            self.assertEqual(outside.command("PING"), b"+PONG\r\n")
            client.must("CONFIG", "SET", "protected-mode", "yes")
            self.assert_denied()
            self.assertEqual(outside.command("PING"), b"+PONG\r\n")  # it is in
        client.must("ACL", "SETUSER", "default", ">secret")
        with self.outside() as outside:
            self.assertTrue(outside.command("GET", "a").startswith(b"-NOAUTH "))
            self.assertEqual(outside.command("AUTH", "secret"), b"+OK\r\n")
            self.assertEqual(outside.command("SET", "a", "1"), b"+OK\r\n")

    def test_nobody_is_served_before_the_users_are_known(self):
        self.start_proxy(flags=("--timeouts-read-ms", "60000")).must("ACL", "SETUSER", "default", ">secret")
        # This Redis knows nothing of the password, the log does.
        self.proxy.kill()
        self.behind.kill()
        self.proxy.start(wait=False)
        with harness.wait_until(self.try_outside, "the proxy listens") as outside:
            outside.send("GET", "a")
            self.behind.start()
            self.assertTrue(outside.read().startswith(b"-NOAUTH "))

    def test_switched_off(self):
        self.start_proxy(flags=("--listen-protected-mode=false",))
        with self.outside() as outside:
            self.assertEqual(outside.command("PING"), b"+PONG\r\n")

    def test_ipv4_on_an_ipv6_socket(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("this machine has no IPv6")
        client = self.start_proxy(host="[::]")
        self.assertEqual(client.must("PING"), "PONG")
        self.assert_denied()


class ConnectionRateTest(harness.SystemTest):
    def cpu_seconds(self):
        fields = Path(f"/proc/{self.proxy.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_those_too_many_wait_for_their_second(self):
        self.proxy = self.holdfast(self.redis(), flags=("--limits-connections-per-second", "20"))
        begin, cpu = time.monotonic(), self.cpu_seconds()
        clients = [RawClient(self.proxy.port) for _ in range(50)]
        for client in clients:
            client.send("PING")
        for client in clients:
            self.assertEqual(client.read(), b"+PONG\r\n")
        took = time.monotonic() - begin
        self.assertGreater(took, 1.5)
        self.assertLess(self.cpu_seconds() - cpu, took / 2)
        for client in clients:
            client.close()
        # Told to stop while somebody waits.
        waiting = [RawClient(self.proxy.port) for _ in range(30)]
        self.assertEqual(self.proxy.stop(), 0)
        for client in waiting:
            client.close()


if __name__ == "__main__":
    unittest.main()
