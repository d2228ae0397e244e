"""MIGRATE, from Holdfast and from a plain Redis of the same build, each to a plain Redis: the same replies, and the same on
all sides afterwards. Whatever dies in between, a key is here or there, or both; and the log knows."""
import random
import socket
import threading
import time
import unittest

import harness
from dataset import TreeClient, contents, differences, verify

HOST = "127.0.0.1"
SECRET = "never-to-be-found"


class MigrateCase(harness.SystemTest):
    def servers(self, build):
        self.behind, self.plain = self.redis(build), self.redis(build, name="plain")
        self.there, self.plain_there = self.redis(build, name="there"), self.redis(build, name="plain-there")
        self.proxy = self.holdfast(self.behind)

    def migrate(self, client, *rest, to=None):
        return client.command("MIGRATE", HOST, str((to or self.there).port), *rest)


class MigrateTest(harness.EveryBuild, MigrateCase):
    """Every build beside plain Redis."""

    def on_build(self, build):
        self.servers(build)
        for server in (self.there, self.plain_there):
            with server.client() as client:
                client.must("ACL", "SETUSER", "mover", "on", f">{SECRET}", "~*", "+@all")
        with socket.socket() as nobody:
            nobody.bind((HOST, 0))  # and does not listen
            self.ports = {"there": (self.there.port, self.plain_there.port), "nobody": [nobody.getsockname()[1]] * 2}
            self.play(build)
        self.assertEqual(differences(contents(self.plain_there.port), contents(self.there.port), time_ms=20000), "")
        self.assertEqual(differences(contents(self.plain.port), contents(self.behind.port), time_ms=20000), "")
        verify(self.proxy, self.behind)
        self.proxy.stop()
        for file in self.directory.rglob("*"):
            if file.is_file():
                self.assertNotIn(SECRET.encode(), file.read_bytes(), file)

    def play(self, build):
        clients = {}
        for line in self.program():
            name, *words = line.split(" ")
            if name not in clients:
                clients[name] = TreeClient(self.proxy.port), TreeClient(self.plain.port)
                for client in clients[name]:
                    self.addCleanup(client.close)
            replies = []
            for client, at in zip(clients[name], (0, 1)):
                request = [str(self.ports[word][at]) if word in self.ports else word for word in words]
                replies.append(client.command(*request))
            self.assertEqual(*replies, f"{build}: {line}")

    @staticmethod
    def program():
        key = f"MIGRATE {HOST} there"
        return [
            "A SET a 1", f"A {key} a 0 5000", f"A {key} a 0 5000", "A GET a",
            "A RPUSH list x y z", f"A {key} list 3 5000", "A EXISTS list",
            "A SET ttl x PX 100000", f"A {key} ttl 0 5000",
            "A SET a 2", f"A {key} a 0 5000", "A GET a", f"A {key} a 0 5000 REPLACE", "A GET a",
            "A HSET hash f v", f"A {key} hash 0 5000 COPY", f"A {key} hash 0 5000 COPY",
            f"A {key} hash 0 5000 copy replace", "A EXISTS hash",
            # Many at once; some are not here, some are there already.
            "A MSET one 1 two 2 three 3 hash 4", f"A {key}  0 5000 KEYS one nokey hash two three",
            "A MGET one two three hash", f"A {key}  0 5000 REPLACE KEYS hash", f"A {key}  0 5000 KEYS one two",
            "A MSET one 1 two 2", f"A {key}  0 5000 KEYS one two one", f"A {key}  0 5000 REPLACE KEYS one two one",
            f"A {key} one 0 5000 KEYS two", f"A {key}  0 5000 KEYS",
            # Who is asked there.
            "A SET b 1", f"A {key} b 99 5000", f"A {key} b 0 5000 AUTH2 mover {SECRET}-not",
            f"A {key} b 0 5000 AUTH2 mover {SECRET}", "A EXISTS b", "A SET b 1", f"A {key} b 1 5000 AUTH wrong",
            f"A {key} b 0 5000 AUTH2 mover {SECRET} REPLACE COPY", "A EXISTS b",
            # What makes no sense.
            f"A {key} b 0 5000 NOSUCH", f"A {key} b 0 x", f"A {key} b x 5000", f"A {key} b 0 5000 AUTH",
            f"A {key} b 0 5000 AUTH2 mover", "A MIGRATE", f"A {key} b",
            f"A MIGRATE {HOST} nobody b 0 1000", f"A MIGRATE {HOST} nobody  0 1000 KEYS b c", "A EXISTS b",
            # Between other commands, from other databases, and watched.
            "A SELECT 2", "A SET c 1", f"A {key} c 2 5000", "A EXISTS c", "A SELECT 0",
            "B WATCH b", f"A {key} b 5 5000", "B MULTI", "B SET b 2", "B EXEC", "A GET b", "A SET b 3",
            f"A EVAL return{{redis.call('MIGRATE','{HOST}',ARGV[1],KEYS[1],'4','5000')}} 1 b there", "A EXISTS b",
            # Who may.
            "A ACL SETUSER alice on >pw ~a* +@all -migrate", "C AUTH alice pw", "C SET a 1", f"C {key} a 6 5000",
            "A ACL SETUSER alice +migrate", f"C {key} a 6 5000 REPLACE", f"C {key} b 6 5000",
            f"C {key}  6 5000 KEYS a b", "A ACL DELUSER alice",
        ]


class MigrateFaultsTest(MigrateCase):
    """The target, Redis or Holdfast goes while keys are under way."""

    def begin(self):
        self.servers("7.0.15")
        self.client = self.proxy.client(timeout=60)
        self.plain_client = self.plain.client(timeout=60)

    def both(self, *command):
        return [client.command(*command) for client in (self.client, self.plain_client)]

    def test_target_does_not_answer(self):
        """An error of Redis's own, and nobody's request is lost."""
        self.begin()
        self.both("SET", "a", "1")
        for server in (self.there, self.plain_there):
            server.pause()
        replies = self.migrate(self.client, "a", "0", "300"), self.migrate(self.plain_client, "a", "0", "300",
                                                                           to=self.plain_there)
        self.assertRegex(str(replies[0]), "^IOERR")
        self.assertEqual(*replies)
        self.assertEqual(self.both("GET", "a"), ["1", "1"])
        self.client.send("MIGRATE", HOST, self.there.port, "a", "0", "300")
        with self.proxy.client() as other:
            self.assertEqual(other.command("INCR", "b"), 1)
        self.assertEqual(self.client.read(), replies[0])
        for server in (self.there, self.plain_there):
            server.resume()
        self.assertEqual(self.migrate(self.client, "a", "0", "5000", "REPLACE"), "OK")
        self.assertIsNone(self.client.must("GET", "a"))
        verify(self.proxy, self.behind)

    def test_target_killed_in_between(self):
        self.begin()
        self.both("SET", "a", "1")
        replies = []
        for client, there in ((self.client, self.there), (self.plain_client, self.plain_there)):
            there.pause()
            client.send("MIGRATE", HOST, there.port, "a", "0", "20000")
            self.wait_connected(there.port)
            there.kill()
            replies.append(client.read())
        self.assertRegex(str(replies[0]), "^IOERR")
        self.assertEqual(*replies)
        self.assertEqual(self.both("GET", "a"), ["1", "1"])
        verify(self.proxy, self.behind)

    def wait_connected(self, port):
        """A connection to a server that cannot be asked has something to be read."""
        def waits():
            with open("/proc/net/tcp", encoding="ascii") as table:
                rows = [line.split() for line in table][1:]
            return any(row[1].endswith(f":{port:04X}") and row[3] == "01" and int(row[4].split(":")[1], 16) > 0
                       for row in rows)
        harness.wait_until(waits, "a connection to the target")

    def test_redis_killed_in_between(self):
        self.begin()
        self.client.must("SET", "a", "1")
        self.there.pause()
        self.client.send("MIGRATE", HOST, self.there.port, "a", "0", "20000")
        self.wait_connected(self.there.port)
        self.behind.kill()
        self.assertRegex(str(self.client.read()), "^IOERR .*nothing was removed here")
        self.behind.start()
        harness.wait_until(lambda: self.client.command("GET", "a") == "1", "Redis is back", timeout=20)

    def test_proxy_killed(self):
        """At any moment: whatever the log says of it, the key is somewhere."""
        self.begin()
        dice = random.Random(1)
        for number in range(12):
            key = f"key:{number}"
            self.client.must("SET", key, "1")
            self.client.send("MIGRATE", HOST, self.there.port, key, "0", "5000")
            time.sleep(dice.random() * 0.006)  # not to wait for anything: when it dies is left to chance
            self.proxy.kill()
            self.proxy.start()
            self.client = self.proxy.client(timeout=60)
            with self.there.client() as there:
                here, gone = self.client.must("EXISTS", key), there.must("EXISTS", key)
                self.assertGreaterEqual(here + gone, 1, key)
                if here:
                    self.assertEqual(self.migrate(self.client, key, "0", "5000", "REPLACE"), "OK")
                self.assertEqual((self.client.must("EXISTS", key), there.must("GET", key)), (0, "1"))
        verify(self.proxy, self.behind)

    def test_writers_lose_nothing(self):
        """A counter that goes away again and again while it is counted up: each acknowledged count is somewhere."""
        self.begin()
        counted, stop = [0, 0, 0], threading.Event()

        def count(number):
            with self.proxy.client(timeout=60) as client:
                while not stop.is_set():
                    client.must("INCR", "counter")
                    counted[number] += 1

        threads = [threading.Thread(target=count, args=(number,)) for number in range(len(counted))]
        for thread in threads:
            thread.start()
        moved = 0
        with self.there.client() as there:
            for _ in range(100):
                reply = self.migrate(self.client, "counter", "0", "5000")
                if reply == "OK":
                    moved += int(there.must("GETDEL", "counter"))
                else:
                    self.assertEqual(reply, "NOKEY")
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(moved + int(self.client.must("GET", "counter") or 0), sum(counted))
        self.assertGreater(moved, 0)
        verify(self.proxy, self.behind)


if __name__ == "__main__":
    unittest.main()
