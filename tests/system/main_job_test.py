"""The main job: every command family through Holdfast as through Redis itself, and back from the log when all is
lost."""
import unittest

import harness
from command_families import FAMILIES, RANDOM, UNORDERED, commands
from dataset import RawClient, contents, differences, remove_marker, replay, verify

BIG = 20 << 20


def comparable(command, reply):
    """A reply in a form in which it is equal to that of another Redis that holds the same."""
    name = command[0].upper()
    if name in RANDOM:
        return reply[:1]
    if name in UNORDERED:
        return sorted(reply.split(b"\r\n"))
    if name == b"SORT" and b"ALPHA" in command:
        # By strcoll(), for which values end at a NUL: what is equal by it comes in a set's own order.
        lines = reply.split(b"\r\n")
        return sorted(lines), [value.split(b"\0")[0] for value in lines[2::2]]
    return reply


class MainJob(harness.SystemTest):
    """The same commands to Holdfast and to a plain Redis of the same build."""

    def begin(self, build, log=None):
        self.behind = self.redis(build)
        self.plain = self.redis(build, name="plain")
        self.proxy = self.holdfast(self.behind, log)
        self.log = self.proxy.log

    def run_everything(self, build, log=None):
        self.begin(build, log)
        self.compare_families()
        self.compare_framings()
        self.compare_big_values()
        # The two were given relative times one after the other.
        found = differences(contents(self.behind.port), contents(self.plain.port), time_ms=5000)
        self.assertEqual(found, "", "key, Holdfast's Redis, the plain one")
        self.use_time_and_chance()
        before = contents(self.behind.port)
        self.assertGreater(len(before), 80)
        self.lose_redis(before)
        self.lose_everything(before)
        self.recover(before)

    def compare_families(self):
        with RawClient(self.proxy.port) as ours, RawClient(self.plain.port) as theirs:
            for family, text in FAMILIES.items():
                for command in commands(text):
                    with self.subTest(family=family, command=command):
                        expected = comparable(command, theirs.command(*command))
                        self.assertEqual(comparable(command, ours.command(*command)), expected)

    def compare_framings(self):
        """Inline commands, pipelines, requests in pieces."""
        inline = b"SET in-line 1\r\nGET in-line\r\n  \r\nSET quoted \"a\\x00 b\" \r\nGET quoted\nGET 'un\r\n"
        pipeline = b"".join(harness.encode(("RPUSH", "pipeline", i)) for i in range(5000))
        pipeline += b"".join(harness.encode(("INCR", f"pipeline:{i % 7}")) for i in range(5000))
        pieces = b"".join(harness.encode(("APPEND", "pieces", i)) for i in range(50))

        def outcome(port, sendings):
            with RawClient(port, timeout=60) as client:
                for data in sendings[:-1]:
                    client.send_raw(data)
                # In one piece: an error of the protocol closes, too, and then QUIT could not be sent any more.
                client.send_raw(sendings[-1] + b"QUIT\r\n")
                return client.read_to_end()

        for name, sendings in (("inline", [inline]), ("pipeline", [pipeline]),
                               ("pieces", [pieces[i:i + 1] for i in range(len(pieces))])):
            expected = outcome(self.plain.port, sendings)
            self.assertGreater(len(expected), 30, name)
            self.assertEqual(outcome(self.proxy.port, sendings), expected, name)

    def compare_big_values(self):
        value = bytes(range(256)) * (BIG // 256)
        big = [("SET", "big:1", value), ("GET", "big:1"), ("APPEND", "big:1", b"x"), ("GETRANGE", "big:1", BIG - 5, -1),
               ("EVAL", "return redis.call('SET', KEYS[1], ARGV[1])", "1", "big:2", value), ("STRLEN", "big:2"),
               ("MSET", "big:3", value[:BIG // 2], "big:4", value[:BIG // 2]), ("DEL", "big:2"),
               ("HSET", "big:h", "f", value[:1 << 20]), ("MGET", "big:1", "big:3")]
        with RawClient(self.proxy.port, timeout=60) as ours, RawClient(self.plain.port, timeout=60) as theirs:
            for command in big:
                expected = theirs.command(*command)
                self.assertTrue(ours.command(*command) == expected, f"{command[:2]} of {BIG} bytes")

    def use_time_and_chance(self):
        """What no two Redis do alike. Here Redis's own state afterwards is what has to come back."""
        with harness.Client(self.proxy.port) as client:
            client.must("SADD", "chance", *range(2000))
            popped = [client.must("SPOP", "chance") for _ in range(50)] + client.must("SPOP", "chance", 100)
            self.assertEqual(len(set(popped)), 150)
            self.assertEqual(client.must("SCARD", "chance"), 1850)
            self.assertEqual(client.must("SMISMEMBER", "chance", *popped), [0] * 150)
            ids = [client.must("XADD", "clock", "*", "n", n) for n in range(100)]
            self.assertEqual([entry[0] for entry in client.must("XRANGE", "clock", "-", "+")], ids)
            now = "local t = redis.call('TIME') redis.call('SET', KEYS[1], t[1] .. '.' .. t[2]) return t"
            client.must("EVAL", "if redis.replicate_commands then redis.replicate_commands() end " + now, "1", "time")
            draw = ("if redis.replicate_commands then redis.replicate_commands() end local drawn = {} for i = 1, 20 do "
                    "local one = redis.call('SRANDMEMBER', KEYS[1]) redis.call('RPUSH', KEYS[2], one) drawn[i] = one "
                    "end return drawn")
            drawn = client.must("EVAL", draw, "2", "chance", "drawn")
            self.assertEqual(client.must("LRANGE", "drawn", "0", "-1"), drawn)
            sha = client.must("SCRIPT", "LOAD", draw)
            again = client.must("EVALSHA", sha, "2", "chance", "drawn2")
            self.assertEqual(client.must("LRANGE", "drawn2", "0", "-1"), again)
            for key, time in (("EX", "1000"), ("PX", "1000000")):
                client.must("SET", f"ttl:{key}", "v", key, time)
                self.assertLessEqual(client.must("PTTL", f"ttl:{key}"), 1000000)
                self.assertGreater(client.must("PTTL", f"ttl:{key}"), 900000)
            for n in range(50):
                client.must("SET", f"short:{n}", "v", "PX", 1 + n)
            # PERSIST behind the end of a key that nobody has looked at must find it gone, now and in the log.
            client.must("SET", "short:persist", "v", "PX", "1")
            harness.wait_until(lambda: client.must("PERSIST", "short:persist") == 0, "a key expires")
            harness.wait_until(lambda: client.must("EXISTS", *[f"short:{n}" for n in range(50)]) == 0, "keys expire")

    def lose_redis(self, before):
        """kill -9 of Redis; it comes back empty. Clients wait and go on."""
        with harness.Client(self.proxy.port) as client:
            self.behind.kill()
            self.behind.start()
            harness.wait_until(lambda: isinstance(client.command("DBSIZE"), int), "Redis is rebuilt")
            self.assertEqual(differences(before, contents(self.behind.port)), "", "before and after kill -9 of Redis")

    def lose_everything(self, before):
        """kill -9 of both."""
        self.proxy.kill()
        self.behind.kill()
        self.behind.start()
        self.proxy.start()
        self.assertEqual(differences(before, contents(self.behind.port)), "", "before and after kill -9 of both")
        with harness.Client(self.proxy.port) as client:
            self.assertEqual(client.must("GET", "tx"), "2")
            self.assertEqual(client.must("SET", "still", "writable"), "OK")
            self.assertEqual(client.must("DEL", "still"), 1)

    def recover(self, before):
        verify(self.proxy, self.behind)
        self.assertEqual(self.proxy.stop(), 0)
        fresh = self.redis(self.behind.build, name="fresh")
        replay(self.proxy, fresh)
        self.assertEqual(differences(before, contents(fresh.port)), "", "Holdfast's Redis and a replay")
        for redis in (self.behind, fresh):
            remove_marker(redis.port)
        self.assertEqual(fresh.digest(), self.behind.digest())


class SqliteTest(harness.EveryBuild, MainJob):
    def on_build(self, build):
        self.run_everything(build)


class KafkaTest(MainJob):
    def test_redis_7_0(self):
        self.run_everything("7.0.15", harness.shared_kafka().url("main-job"))


if __name__ == "__main__":
    unittest.main()
