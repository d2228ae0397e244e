"""What clients take of Holdfast's memory: as CLIENT LIST, INFO and MEMORY STATS tell it, and maxmemory-clients, by which
the largest are let go. On every build; Redis 6.2 has no such setting."""
import re
import unittest

import harness
from dataset import RawClient
from faults_test import MIB


class ClientMemory(harness.SystemTest):
    def on_build(self, build):
        redis = self.redis(build)
        proxy = self.holdfast(redis, flags=("--limits-total-bytes", "64MiB"))
        with proxy.client() as client:
            self.fields(client, redis)
            self.figures(client, proxy)
            if build.startswith("6."):
                self.assertIn("maxmemory-clients", str(client.command("CONFIG", "SET", "maxmemory-clients", "1mb")))
                self.assertEqual(client.must("CONFIG", "GET", "maxmemory-clients"), [])
            else:
                self.largest_go(client, proxy)
            self.total_bound(client, proxy)

    def fields(self, client, redis):
        """Of CLIENT LIST: those that the build has, but for what Holdfast does not count."""
        with redis.client() as direct:
            theirs = re.findall(r"(\S+)=", direct.must("CLIENT", "LIST").splitlines()[0])
        uncounted = {"read-events", "avg-pipeline-len-sum", "avg-pipeline-len-cnt"}
        ours = re.findall(r"(\S+)=", client.must("CLIENT", "LIST").splitlines()[0])
        self.assertEqual(ours, [name for name in theirs if name not in uncounted])

    def figures(self, client, proxy):
        with RawClient(proxy.port) as other:
            other.command("CLIENT", "SETNAME", "other")
            other.send_raw(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (5 * MIB) + b"x" * MIB)
            harness.wait_until(lambda: self.field(client, "other", "qbuf") == MIB, "all of it has come")
            self.assertGreater(self.field(client, "other", "tot-mem"), 5 * MIB)
            stats = client.must("MEMORY", "STATS")
            self.assertGreater(stats[stats.index("clients.normal") + 1], 5 * MIB)
            self.assertGreater(self.info(client, "memory", "mem_clients_normal"), 5 * MIB)
            other.send_raw(b"x" * (4 * MIB) + b"\r\n")
            other.read()
            harness.wait_until(lambda: self.field(client, "other", "tot-mem") < MIB, "its buffer is given back")

    def largest_go(self, client, proxy):
        client.must("CLIENT", "NO-EVICT", "ON")
        sizes = [MIB, 3 * MIB, 2 * MIB]
        others = [self.taking(client, proxy, f"takes-{size // MIB}", size) for size in sizes]
        client.must("CONFIG", "SET", "maxmemory-clients", "4mb")
        self.assertEqual(self.left(client), {"takes-1", "takes-2"})
        self.assertEqual(self.info(client, "stats", "evicted_clients"), 1)
        client.must("CONFIG", "SET", "maxmemory-clients", "1%", "maxmemory", "200mb")
        self.assertEqual(self.left(client), {"takes-1"})
        self.assertEqual(client.must("CONFIG", "GET", "maxmemory-clients"), ["maxmemory-clients", "1%"])
        others.append(self.taking(client, proxy, "later", 4 * MIB, wait=False))
        harness.wait_until(lambda: self.left(client) == {"takes-1"}, "it is let go as soon as it comes")
        client.must("CONFIG", "SET", "maxmemory-clients", "0", "maxmemory", "0")
        client.must("CONFIG", "RESETSTAT")
        self.assertEqual(self.info(client, "stats", "evicted_clients"), 0)
        self.assertIn("over maxmemory-clients", proxy.said())
        for one in others:
            one.close()

    def total_bound(self, client, proxy):
        """Holdfast's own bound spares nobody."""
        with RawClient(proxy.port) as large, RawClient(proxy.port) as small:
            for name, one, size in (("large", large, 40 * MIB), ("small", small, 30 * MIB)):
                one.command("CLIENT", "SETNAME", name)
                one.command("CLIENT", "NO-EVICT", "ON")
                one.send_raw(b"*1\r\n$%d\r\n" % size + b"x" * (size - MIB))
            self.assertEqual(large.read_to_end(), b"")
            self.assertEqual(self.left(client), {"small"})
        self.assertIn("over limits.total-bytes", proxy.said())

    def taking(self, client, proxy, name, size, wait=True):
        other = RawClient(proxy.port)
        other.command("CLIENT", "SETNAME", name)
        try:
            other.send_raw(b"*1\r\n$%d\r\n" % size + b"x" * (size - 1))
        except ConnectionError:
            pass
        if wait:
            harness.wait_until(lambda: self.field(client, name, "qbuf") == size - 1, "all of it has come")
        return other

    def left(self, client):
        return set(re.findall(r"name=(takes-\d|later|large|small)", client.must("CLIENT", "LIST")))

    def field(self, client, name, field):
        line = next(line for line in client.must("CLIENT", "LIST").splitlines() if f" name={name} " in line)
        return int(re.search(rf" {field}=(\d+)", line).group(1))

    def info(self, client, section, name):
        return int(re.search(rf"(?m)^{name}:(\d+)", client.must("INFO", section)).group(1))


class ClientMemoryTest(harness.EveryBuild, ClientMemory):
    pass


if __name__ == "__main__":
    unittest.main()
