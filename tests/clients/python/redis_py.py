"""redis-py: what applications do with it, over RESP2 and RESP3; every result is checked."""
import math
import os
import threading
import time
import unittest

import redis
from redis.cache import CacheConfig

ADDRESS = {"host": os.environ["REDIS_HOST"], "port": int(os.environ["REDIS_PORT"])}
BINARY = bytes(range(256)) + b"\r\n$5\r\n*1\r\n\x00"
SOON = 10  # seconds within which what another client does must show


def wait_until(condition, what, timeout=SOON):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.005)


def in_threads(count, function):
    """Runs function(0), function(1), ... at the same time; what one of them raises is raised here."""
    failures = []

    def body(number):
        try:
            function(number)
        except BaseException as failure:  # pylint: disable=broad-except
            failures.append(failure)

    threads = [threading.Thread(target=body, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class ClientTest(unittest.TestCase):
    """An empty server, and clients of it."""

    protocol = 2

    def setUp(self):
        self.r = self.client()
        self.assertTrue(self.r.flushall())

    def client(self, **options):
        client = redis.Redis(**{**ADDRESS, "protocol": self.protocol, "decode_responses": True, **options})
        self.addCleanup(client.close)
        return client

    def thread(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def wait_blocked(self, count=1):
        wait_until(lambda: self.r.info("clients")["blocked_clients"] == count, f"{count} clients are blocked")


class Everything(ClientTest):
    """What does not depend on the protocol; redis-py gives the same results for both, or nearly."""

    def pair(self, *items):
        """A reply that is a tuple in RESP2 and a list in RESP3."""
        return tuple(items) if self.protocol == 2 else list(items)

    def pairs(self, *pairs):
        return [self.pair(*pair) for pair in pairs]

    # --- types -----------------------------------------------------------------------------------------------------

    def test_strings(self):
        r = self.r
        self.assertIs(r.set("a", "1"), True)
        self.assertIsNone(r.set("a", "2", nx=True))
        self.assertIsNone(r.set("b", "2", xx=True))
        self.assertEqual(r.set("a", "3", get=True), "1")
        self.assertIs(r.set("a", "4", ex=100), True)
        self.assertTrue(98 <= r.ttl("a") <= 100)
        self.assertIs(r.set("a", "5", keepttl=True), True)
        self.assertTrue(r.persist("a"))
        self.assertEqual(r.ttl("a"), -1)
        self.assertEqual((r.incr("a"), r.incrby("a", 10), r.decr("a", 4)), (6, 16, 12))
        self.assertTrue(math.isclose(r.incrbyfloat("a", 0.5), 12.5))
        self.assertEqual(r.append("a", "67"), 6)
        self.assertEqual((r.getrange("a", 1, 3), r.setrange("a", 5, "xyz"), r.get("a")), ("2.5", 8, "12.56xyz"))
        self.assertIs(r.mset({"m1": "1", "m2": "ü", "m3": ""}), True)
        self.assertEqual(r.mget("m1", "m2", "none", "m3"), ["1", "ü", None, ""])
        self.assertFalse(r.msetnx({"m1": "9", "m9": "9"}))
        self.assertEqual((r.getdel("m1"), r.getex("m2", px=50000), r.exists("m1", "m2", "m3")), ("1", "ü", 2))
        self.assertTrue(45000 < r.pttl("m2") <= 50000)
        self.assertEqual((r.setbit("bits", 7, 1), r.getbit("bits", 7), r.bitcount("bits")), (0, 1, 1))
        self.assertEqual(r.bitop("NOT", "inverse", "bits"), 1)
        self.assertEqual(self.client(decode_responses=False).get("inverse"), b"\xfe")
        self.assertEqual(r.lcs("m2", "m3"), "")

    def test_hashes(self):
        r = self.r
        self.assertEqual(r.hset("h", mapping={"a": "1", "b": "2", "c": "3"}), 3)
        self.assertEqual(r.hset("h", "a", "10"), 0)
        self.assertEqual(r.hgetall("h"), {"a": "10", "b": "2", "c": "3"})
        self.assertEqual((r.hmget("h", "a", "none"), r.hlen("h"), r.hexists("h", "b")), (["10", None], 3, True))
        self.assertEqual((r.hincrby("h", "a", 5), r.hincrbyfloat("h", "b", 0.25)), (15, 2.25))
        self.assertEqual((r.hdel("h", "a", "none"), sorted(r.hkeys("h")), r.hvals("h")), (1, ["b", "c"], ["2.25", "3"]))
        self.assertEqual(r.hsetnx("h", "b", "no"), 0)
        self.assertLessEqual(set(r.hrandfield("h", -4)), {"b", "c"})

    def test_lists(self):
        r = self.r
        self.assertEqual((r.rpush("l", "b", "c", "d"), r.lpush("l", "a")), (3, 4))
        self.assertEqual((r.lrange("l", 0, -1), r.llen("l"), r.lindex("l", -1)), (["a", "b", "c", "d"], 4, "d"))
        self.assertEqual((r.linsert("l", "before", "c", "x"), r.lpos("l", "x"), r.lrem("l", 1, "x")), (5, 2, 1))
        self.assertEqual((r.lmove("l", "other", "LEFT", "RIGHT"), r.rpoplpush("l", "other")), ("a", "d"))
        self.assertEqual(r.lrange("other", 0, -1), ["d", "a"])
        self.assertEqual((r.lpop("l", 5), r.lpop("l"), r.rpop("other")), (["b", "c"], None, "a"))
        r.rpush("l", *range(100))
        self.assertIs(r.ltrim("l", 10, 19), True)
        self.assertEqual(r.lrange("l", 0, -1), [str(number) for number in range(10, 20)])
        self.assertEqual(r.lmpop(2, "none", "l", direction="RIGHT", count=2), ["l", ["19", "18"]])

    def test_sets(self):
        r = self.r
        self.assertEqual((r.sadd("s", *range(10)), r.sadd("s", 3, 10), r.scard("s")), (10, 1, 11))
        r.sadd("t", 3, 4, 99)
        self.assertEqual((r.sinter("s", "t"), r.sdiff("t", "s"), r.sintercard(2, ["s", "t"])), ({"3", "4"}, {"99"}, 2))
        self.assertEqual((r.sunionstore("u", "s", "t"), r.smismember("u", ["99", "100"])), (12, [1, 0]))
        popped = r.spop("u", 5)
        self.assertEqual(len(set(popped)), 5)
        self.assertEqual(r.smembers("u"), ({str(number) for number in range(11)} | {"99"}) - set(popped))
        self.assertTrue(r.smove("s", "t", 10))
        self.assertEqual(r.smembers("t"), {"3", "4", "10", "99"})
        self.assertEqual((r.srem("t", 3, 4, 5), r.sismember("t", 4)), (2, 0))

    def test_sorted_sets(self):
        r = self.r
        self.assertEqual(r.zadd("z", {"a": 1, "b": 2.5, "c": -math.inf, "d": 4}), 4)
        self.assertEqual(r.zadd("z", {"a": 0, "b": 3}, gt=True, ch=True), 1)
        self.assertEqual(r.zrange("z", 0, -1, withscores=True),
                         self.pairs(("c", -math.inf), ("a", 1.0), ("b", 3.0), ("d", 4.0)))
        self.assertEqual(r.zrevrangebyscore("z", "+inf", "(1"), ["d", "b"])
        self.assertEqual((r.zscore("z", "c"), r.zscore("z", "none"), r.zrank("z", "b")), (-math.inf, None, 2))
        self.assertEqual((r.zincrby("z", 0.5, "a"), r.zcount("z", 1, 3), r.zcard("z")), (1.5, 2, 4))
        self.assertEqual(r.zrangestore("copy", "z", 1, 2), 2)
        self.assertEqual(r.zmscore("copy", ["a", "b", "c"]), [1.5, 3.0, None])
        self.assertEqual(r.zunionstore("sum", {"z": 1, "copy": 10}), 4)
        self.assertEqual(r.zscore("sum", "b"), 33.0)
        self.assertEqual(r.zpopmax("z", 2), self.pairs(("d", 4.0), ("b", 3.0)))
        self.assertEqual(r.zremrangebyrank("z", 0, 0), 1)
        r.zadd("lex", dict.fromkeys("abcdef", 0))
        self.assertEqual(r.zrangebylex("lex", "[b", "(e"), ["b", "c", "d"])
        self.assertEqual(r.geoadd("geo", (13.4, 52.5, "Berlin", 2.35, 48.86, "Paris")), 2)
        self.assertTrue(870 < r.geodist("geo", "Berlin", "Paris", unit="km") < 885)
        self.assertEqual(r.geosearch("geo", longitude=13, latitude=52, radius=100, unit="km"), ["Berlin"])
        self.assertEqual((r.pfadd("hll", *range(100)), r.pfcount("hll") in range(95, 106)), (1, True))

    def test_streams(self):
        r = self.r
        ids = [r.xadd("x", {"n": number}) for number in range(5)]
        self.assertEqual(sorted(set(ids), key=lambda one: tuple(map(int, one.split("-")))), ids)
        self.assertEqual(r.xrange("x", ids[1], ids[2]), [(ids[1], {"n": "1"}), (ids[2], {"n": "2"})])
        self.assertIsNone(r.xadd("none", {"a": "b"}, nomkstream=True))
        self.assertEqual((r.xlen("x"), r.xdel("x", ids[4]), r.xrevrange("x", count=1)[0][0]), (5, 1, ids[3]))
        self.assertIs(r.xgroup_create("x", "workers", id="0"), True)
        with self.assertRaisesRegex(redis.ResponseError, "BUSYGROUP"):
            r.xgroup_create("x", "workers")

        def entries(reply):
            """Of the one stream in a reply, which RESP3 has as a map."""
            if not reply:
                return []
            if isinstance(reply, dict):
                return [entry for part in reply["x"] for entry in part]
            return reply[0][1]

        self.assertEqual(entries(r.xreadgroup("workers", "one", {"x": ">"}, count=2)),
                         [(ids[0], {"n": "0"}), (ids[1], {"n": "1"})])
        self.assertEqual([entry[0] for entry in entries(r.xreadgroup("workers", "two", {"x": ">"}))], ids[2:4])
        self.assertEqual(entries(r.xreadgroup("workers", "two", {"x": ">"}, block=50)), [])
        self.assertEqual(r.xack("x", "workers", ids[0], ids[2]), 2)
        self.assertEqual(r.xpending("x", "workers"),
                         {"pending": 2, "min": ids[1], "max": ids[3],
                          "consumers": [{"name": "one", "pending": 1}, {"name": "two", "pending": 1}]})
        self.assertEqual([entry["message_id"] for entry in r.xpending_range("x", "workers", "-", "+", 10, "two")],
                         [ids[3]])
        self.assertEqual(r.xclaim("x", "workers", "one", 0, [ids[3]], justid=True), [ids[3]])
        self.assertEqual(r.xautoclaim("x", "workers", "three", 0, justid=True), [ids[1], ids[3]])
        groups = r.xinfo_groups("x")
        self.assertEqual((len(groups), groups[0]["name"], groups[0]["pending"], groups[0]["last-delivered-id"]),
                         (1, "workers", 2, ids[3]))
        self.assertEqual({one["name"]: one["pending"] for one in r.xinfo_consumers("x", "workers")},
                         {"one": 0, "two": 0, "three": 2})
        # Two members of the group wait; each entry goes to one of them.
        got = []

        def consume(name):
            client = self.client()
            while True:
                (entry_id, entry), = entries(client.xreadgroup("workers", name, {"x": ">"}, count=1, block=SOON * 1000))
                if entry["n"] == "end":
                    return
                got.append(entry_id)

        threads = [self.thread(consume, name) for name in ("one", "two")]
        self.wait_blocked(2)
        added = [r.xadd("x", {"n": number}) for number in range(100)]
        for _ in threads:
            r.xadd("x", {"n": "end"})
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(got), sorted(added))
        self.assertEqual(r.xtrim("x", maxlen=3, approximate=False), 4 + 102 - 3)
        self.assertEqual((r.xgroup_delconsumer("x", "workers", "three"), r.xgroup_destroy("x", "workers")), (2, 1))

    def test_binary(self):
        r = self.client(decode_responses=False)
        self.assertTrue(r.set(BINARY, BINARY * 100))
        self.assertEqual(r.get(BINARY), BINARY * 100)
        self.assertEqual(r.hset(b"h", mapping={BINARY: BINARY, b"": b""}), 2)
        self.assertEqual(r.hgetall(b"h"), {BINARY: BINARY, b"": b""})
        self.assertEqual(sorted(r.scan_iter()), [BINARY, b"h"])
        big = os.urandom(3 << 20)
        self.assertEqual((r.rpush("big", big, BINARY), r.lrange("big", 0, -1)), (2, [big, BINARY]))
        self.assertEqual(r.eval("return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}", 1, BINARY, BINARY),
                         [BINARY, BINARY, BINARY * 100])
        dump = r.dump("h")
        self.assertTrue(r.restore("h2", 0, dump))
        self.assertEqual(r.hgetall("h2"), r.hgetall("h"))

    def test_unicode(self):
        text = "Grüße, 世界 🚀"
        self.assertTrue(self.r.set(text, text))
        self.assertEqual((self.r.get(text), self.r.keys("Gr*")), (text, [text]))
        self.assertEqual(self.client(decode_responses=False).get(text), text.encode())
        latin = self.client(encoding="latin-1")
        self.assertTrue(latin.set("latin", "ü"))
        self.assertEqual(self.client(decode_responses=False).get("latin"), b"\xfc")

    # --- the key space ---------------------------------------------------------------------------------------------

    def test_scans(self):
        r = self.r
        r.mset({f"user:{number}": number for number in range(2000)})
        r.hset("hash", mapping={f"f{number}": number for number in range(1000)})
        r.sadd("set", *range(1000))
        r.zadd("zset", {f"m{number}": number for number in range(1000)})
        self.assertEqual(set(r.scan_iter("user:*", count=300)), {f"user:{number}" for number in range(2000)})
        self.assertEqual(sorted(r.scan_iter("*", _type="zset")), ["zset"])
        self.assertEqual(dict(r.hscan_iter("hash")), {f"f{number}": str(number) for number in range(1000)})
        self.assertEqual(set(r.sscan_iter("set", "99*")), {"99"} | {f"99{number}" for number in range(10)})
        self.assertEqual(dict(r.zscan_iter("zset")), {f"m{number}": float(number) for number in range(1000)})
        self.assertEqual((r.dbsize(), len(r.keys("user:1?"))), (2003, 10))
        self.assertIn(r.randomkey(), set(r.keys()))

    def test_keys_and_databases(self):
        r, other = self.r, self.client(db=3)
        r.set("a", "1")
        self.assertEqual((other.get("a"), other.set("a", "3"), r.get("a")), (None, True, "1"))
        self.assertEqual((r.move("a", 3), r.copy("a", "b", destination_db=3)), (False, True))
        self.assertEqual(sorted(other.keys()), ["a", "b"])
        self.assertTrue(r.swapdb(0, 3))
        self.assertEqual((r.get("a"), other.get("a")), ("3", "1"))
        self.assertEqual((r.rename("a", "c"), r.renamenx("b", "c"), r.type("c")), (True, False, "string"))
        self.assertEqual((r.touch("b", "c", "d"), r.unlink("b", "d"), r.delete("c"), r.dbsize()), (2, 1, 1, 0))
        self.assertEqual((other.flushdb(), other.dbsize()), (True, 0))
        r.rpush("numbers", 3, 1, 2)
        self.assertEqual((r.sort("numbers", desc=True), r.sort("numbers", store="sorted")), (["3", "2", "1"], 3))
        self.assertEqual((r.object("encoding", "numbers"), r.object("refcount", "numbers")),
                         (r.object("encoding", "sorted"), 1))

    def test_expiry(self):
        r = self.r
        r.mset({"a": 1, "b": 2, "c": 3})
        self.assertTrue(r.pexpire("a", 30))
        self.assertTrue(r.expireat("b", int(time.time()) + 100))
        self.assertTrue(98 <= r.ttl("b") <= 100)
        self.assertFalse(r.expire("b", 1000, lt=True))
        self.assertTrue(r.expire("c", -1))
        self.assertEqual((r.ttl("c"), r.ttl("none")), (-2, -2))
        wait_until(lambda: r.get("a") is None, "a key expires")
        self.assertEqual(r.keys(), ["b"])

    def test_keyspace_notifications(self):
        old = self.r.config_get("notify-keyspace-events")["notify-keyspace-events"]
        self.r.config_set("notify-keyspace-events", "KEA")
        self.addCleanup(self.r.config_set, "notify-keyspace-events", old)
        with self.client().pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.psubscribe("__key*@0__:*")
            pubsub.get_message(timeout=SOON)
            self.r.set("k", "1", px=40)
            self.r.lpush("l", "1")
            self.r.get("k")
            heard = []

            def hear():
                message = pubsub.get_message(timeout=0.05)
                if message:
                    heard.append((message["channel"], message["data"]))
                # Nobody need look at the key: Redis finds it by itself.
                return ("__keyevent@0__:expired", "k") in heard

            wait_until(hear, "the key's expiry is told")
        self.assertEqual(heard, [("__keyspace@0__:k", "set"), ("__keyevent@0__:set", "k"),
                                 ("__keyspace@0__:k", "expire"), ("__keyevent@0__:expire", "k"),
                                 ("__keyspace@0__:l", "lpush"), ("__keyevent@0__:lpush", "l"),
                                 ("__keyspace@0__:k", "expired"), ("__keyevent@0__:expired", "k")])

    # --- pipelines and transactions --------------------------------------------------------------------------------

    def test_pipelines(self):
        for transaction in (True, False):
            with self.subTest(transaction=transaction):
                self.r.flushall()
                with self.r.pipeline(transaction=transaction) as pipe:
                    pipe.set("a", 1).incr("a").get("a").hset("h", "f", "v").hgetall("h").lpop("none")
                    self.assertEqual(pipe.execute(), [True, 2, "2", 1, {"f": "v"}, None])
                    for number in range(3000):
                        pipe.rpush("l", number)
                    self.assertEqual(pipe.execute(), list(range(1, 3001)))
                    # An error at run time: the others are carried out.
                    pipe.set("b", 1).lpush("a", 1).set("c", 1)
                    results = pipe.execute(raise_on_error=False)
                    self.assertEqual((results[0], results[2]), (True, True))
                    self.assertIsInstance(results[1], redis.ResponseError)
                    self.assertIn("WRONGTYPE", str(results[1]))
                    pipe.set("d", 1).lpush("a", 1)
                    with self.assertRaisesRegex(redis.ResponseError, r"Command # 2 \(LPUSH a 1\).*WRONGTYPE"):
                        pipe.execute()
                self.assertEqual(self.r.mget("b", "c", "d"), ["1", "1", "1"])
        # An error when it is queued: none is carried out.
        with self.r.pipeline() as pipe:
            pipe.set("e", 1).execute_command("SET", "wrong")
            with self.assertRaises(redis.ResponseError):
                pipe.execute()
        self.assertIsNone(self.r.get("e"))

    def test_watch(self):
        r, other = self.r, self.client()
        r.set("balance", 10)
        with r.pipeline() as pipe:
            pipe.watch("balance")
            self.assertEqual(pipe.get("balance"), "10")
            other.incr("balance")
            pipe.multi()
            pipe.set("balance", 100).set("seen", 1)
            with self.assertRaises(redis.WatchError):
                pipe.execute()
            pipe.watch("balance")
            other.incr("balance")
            pipe.unwatch()
            pipe.multi()
            self.assertEqual(pipe.set("balance", 20).execute(), [True])
        self.assertEqual(r.mget("balance", "seen"), ["20", None])

        def deposit(_):
            client = self.client()

            def change(pipe):
                balance = int(pipe.get("balance"))
                pipe.multi()
                pipe.set("balance", balance + 1)
                pipe.rpush("steps", balance + 1)

            for _ in range(40):
                outcome = client.transaction(change, "balance")
                self.assertEqual((outcome[0], len(outcome)), (True, 2))

        in_threads(4, deposit)
        self.assertEqual(r.get("balance"), "180")
        self.assertEqual(r.lrange("steps", 0, -1), [str(number) for number in range(21, 181)])
        self.assertEqual(r.transaction(lambda pipe: pipe.multi() or pipe.incr("balance"), "balance",
                                       value_from_callable=False), [181])

    def test_lock(self):
        r, other = self.r, self.client()
        lock = r.lock("lock", timeout=20)
        self.assertTrue(lock.acquire())
        self.assertTrue(lock.locked() and lock.owned())
        late = other.lock("lock", timeout=20)
        self.assertFalse(late.acquire(blocking=False))
        begin = time.monotonic()
        self.assertFalse(late.acquire(blocking_timeout=0.2))
        self.assertTrue(0.1 < time.monotonic() - begin < SOON)
        self.assertTrue(lock.extend(30))
        self.assertTrue(45000 < r.pttl("lock") <= 50000)
        self.assertTrue(lock.extend(5, replace_ttl=True) and r.pttl("lock") <= 5000)
        self.assertTrue(lock.reacquire() and r.pttl("lock") > 15000)
        with self.assertRaises(redis.exceptions.LockError):
            late.release()
        lock.release()
        with self.assertRaises(redis.exceptions.LockError):
            lock.release()
        # One that has run out is another's.
        self.assertTrue(r.lock("lock", timeout=0.05).acquire())
        self.assertTrue(late.acquire(blocking_timeout=SOON))
        with self.assertRaises(redis.exceptions.LockNotOwnedError):
            stolen = r.lock("lock", timeout=20)
            stolen.local.token = b"not the token"
            stolen.release()
        late.release()

        inside, rounds = [], []

        def enter(number):
            client = self.client()
            for turn in range(15):
                with client.lock("mutex", timeout=20, sleep=0.001, blocking_timeout=SOON):
                    inside.append(number)
                    self.assertEqual(inside, [number])
                    value = int(client.get("counter") or 0)
                    client.set("counter", value + 1)
                    inside.clear()
                rounds.append(turn)

        in_threads(2, enter)
        self.assertEqual((len(rounds), r.get("counter"), r.exists("mutex")), (30, "30", 0))

    def test_scripts(self):
        r = self.r
        add = r.register_script("redis.call('INCRBY', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])")
        self.assertEqual((add(keys=["n"], args=[5]), add(keys=["n"], args=[6])), ("5", "11"))
        self.assertEqual(r.script_exists(add.sha, "0" * 40), [True, False])
        self.assertTrue(r.script_flush())
        with self.assertRaises(redis.exceptions.NoScriptError):
            r.evalsha(add.sha, 1, "n", 1)
        self.assertEqual(add(keys=["n"], args=[1]), "12")  # redis-py loads it again
        with r.pipeline() as pipe:
            add(keys=["n"], args=[1], client=pipe)
            pipe.get("n")
            self.assertEqual(pipe.execute(), ["13", "13"])
        self.assertEqual(r.eval("return {1, 'two', {3, {'four'}}, false, 5.9}", 0), [1, "two", [3, ["four"]], None, 5])
        with self.assertRaisesRegex(redis.ResponseError, "my own"):
            r.eval("return redis.error_reply('my own')", 0)
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
            r.eval("return redis.call('LPUSH', KEYS[1], 1)", 1, "n")
        code = ("#!lua name=mine\n"
                "redis.register_function('put', function(k, a) return redis.call('SET', k[1], a[1]) end)")
        self.assertEqual(r.function_load(code, replace=True), "mine")
        self.assertEqual((r.fcall("put", 1, "f", "v"), r.get("f")), ("OK", "v"))
        self.assertTrue(r.function_delete("mine"))

    # --- waiting ---------------------------------------------------------------------------------------------------

    def test_blocking_time_outs(self):
        r = self.r
        for call, nothing in ((lambda: r.blpop(["a", "b"], timeout=0.1), None),
                              (lambda: r.brpop("a", timeout=0.1), None),
                              (lambda: r.blmove("a", "b", 0.1, "LEFT", "RIGHT"), None),
                              (lambda: r.brpoplpush("a", "b", timeout=0.1), None),
                              (lambda: r.blmpop(0.1, 2, "a", "b", direction="LEFT"), None),
                              (lambda: r.bzpopmin("a", timeout=0.1), None),
                              (lambda: r.bzmpop(0.1, 1, ["a"], min=True), None),
                              (lambda: r.xread({"a": "$"}, block=100), [] if self.protocol == 2 else {})):
            begin = time.monotonic()
            self.assertEqual(call(), nothing)
            self.assertTrue(0.09 < time.monotonic() - begin < SOON)
        # The client gives up before: its own time-out, and the element stays.
        hasty = self.client(socket_timeout=0.1, retry=None)
        with self.assertRaises(redis.TimeoutError):
            hasty.blpop("a", timeout=30)
        wait_until(lambda: r.info("clients")["blocked_clients"] == 0, "nobody is blocked")
        r.rpush("a", "1")
        self.assertEqual(r.lrange("a", 0, -1), ["1"])

    def test_blocking_wakes(self):
        r = self.r
        got = []
        calls = ((lambda client: client.blpop(["a", "b"], timeout=SOON), lambda: r.rpush("b", "1", "2"),
                  self.pair("b", "1")),
                 (lambda client: client.blmove("c", "d", SOON, "LEFT", "RIGHT"), lambda: r.rpush("c", "1"), "1"),
                 (lambda client: client.blmpop(SOON, 1, "e", direction="LEFT", count=2), lambda: r.rpush("e", 1, 2, 3),
                  ["e", ["1", "2"]]),
                 (lambda client: client.bzpopmax(["z"], timeout=SOON), lambda: r.zadd("z", {"x": 1, "y": 2}),
                  self.pair("z", "y", 2.0)))
        for call, wake, expected in calls:
            client = self.client()
            thread = self.thread(lambda call=call, client=client: got.append(call(client)))
            self.wait_blocked()
            wake()
            thread.join()
            self.assertEqual(got.pop(), expected)
        self.assertEqual((r.lrange("b", 0, -1), r.lrange("d", 0, -1), r.lrange("e", 0, -1), r.zcard("z")),
                         (["2"], ["1"], ["3"], 1))

    def test_queue(self):
        """Producers and consumers: everything arrives once, in the order in which each producer sent it."""
        got = []

        def consume():
            client = self.client()
            while (item := client.blpop("queue", timeout=SOON)[1]) != "end":
                got.append(item)

        consumers = [self.thread(consume) for _ in range(3)]
        in_threads(3, lambda number: [self.client().rpush("queue", f"{number}:{turn}") for turn in range(100)])
        self.r.rpush("queue", *["end"] * 3)
        for consumer in consumers:
            consumer.join()
        self.assertEqual(sorted(got), sorted(f"{number}:{turn}" for number in range(3) for turn in range(100)))
        self.assertEqual(self.r.exists("queue"), 0)

    def test_pubsub(self):
        heard = []
        pubsub = self.client().pubsub(ignore_subscribe_messages=True)
        pubsub.subscribe(**{"news": lambda message: heard.append(("news", message["data"]))})
        pubsub.psubscribe(**{"n*": lambda message: heard.append((message["pattern"], message["channel"],
                                                                  message["data"]))})
        thread = pubsub.run_in_thread(sleep_time=0.05, daemon=True)
        wait_until(lambda: self.r.pubsub_numpat() == 1 and self.r.pubsub_channels() == ["news"], "they are subscribed")
        self.assertEqual(self.r.pubsub_numsub("news", "none"), [("news", 1), ("none", 0)])
        self.assertEqual([self.r.publish("news", number) for number in range(100)], [2] * 100)
        self.assertEqual((self.r.publish("night", "x"), self.r.publish("day", "x")), (1, 0))
        wait_until(lambda: len(heard) == 201, "all is heard")
        self.assertEqual(heard[:200], [one for number in range(100)
                                       for one in (("news", str(number)), ("n*", "news", str(number)))])
        self.assertEqual(heard[200], ("n*", "night", "x"))
        thread.stop()
        thread.join(SOON)
        self.assertFalse(thread.is_alive())
        wait_until(lambda: self.r.pubsub_numpat() == 0 and self.r.pubsub_channels() == [], "they are gone")

    def test_pubsub_messages(self):
        with self.client().pubsub() as pubsub:
            pubsub.subscribe("a", "b")
            self.assertEqual([pubsub.get_message(timeout=SOON) for _ in "ab"],
                             [{"type": "subscribe", "pattern": None, "channel": name, "data": count}
                              for count, name in enumerate("ab", 1)])
            if self.protocol == 2:  # in RESP3, redis-py takes the text of the reply apart
                pubsub.ping("hallo")
                pong = pubsub.get_message(timeout=SOON)
                self.assertEqual((pong["type"], pong["data"]), ("pong", "hallo"))
            # In a transaction: subscribers get it when that is carried out.
            with self.r.pipeline() as pipe:
                pipe.publish("a", "1").set("k", "v").publish("b", "2")
                self.assertEqual(pipe.execute(), [1, True, 1])
            self.assertEqual([pubsub.get_message(timeout=SOON)["data"] for _ in "ab"], ["1", "2"])
            pubsub.unsubscribe()
            self.assertEqual([pubsub.get_message(timeout=SOON)["data"] for _ in "ab"], [1, 0])
            self.assertFalse(pubsub.subscribed)
            pubsub.ssubscribe("shard")
            self.assertEqual(pubsub.get_message(timeout=SOON)["type"], "ssubscribe")
            self.assertEqual(self.r.spublish("shard", "s"), 1)
            self.assertEqual(pubsub.get_message(timeout=SOON)["data"], "s")

    # --- connections and the server --------------------------------------------------------------------------------

    def test_monitor(self):
        with self.client().monitor() as monitor:
            other = self.client(db=2)
            other.set("watched", "by me")
            other.eval("return redis.call('GET', KEYS[1])", 1, "watched")
            seen = []
            while not seen or not seen[-1][1].startswith("EVAL"):
                command = monitor.next_command()
                seen.append((command["db"], command["command"]))
        self.assertIn((2, "SET watched by me"), seen)
        self.assertLess(seen.index((2, "SET watched by me")), len(seen) - 1)

    def test_pool(self):
        pool = redis.BlockingConnectionPool(**ADDRESS, max_connections=5, timeout=SOON, protocol=self.protocol)
        client = redis.Redis(connection_pool=pool)
        in_threads(12, lambda number: [client.incr("counter") for _ in range(50)])
        self.assertEqual(client.get("counter"), b"600")
        connected = len(self.r.client_list())
        self.assertLessEqual(connected, 6)
        client.close()
        pool.disconnect()
        wait_until(lambda: len(self.r.client_list()) == 1, "the pool's connections are closed")

    def test_clients(self):
        r = self.r
        self.assertTrue(r.client_setname("me"))
        self.assertEqual((r.client_getname(), r.echo("x"), r.ping()), ("me", "x", True))
        mine = r.client_info()
        self.assertEqual((mine["name"], mine["id"], mine["resp"]), ("me", r.client_id(), str(self.protocol)))
        other = self.client(client_name="other", single_connection_client=True)
        number = other.client_id()
        self.assertEqual({one["name"] for one in r.client_list()}, {"me", "other"})
        self.assertEqual(r.client_kill_filter(_id=number), 1)
        wait_until(lambda: [one["name"] for one in r.client_list()] == ["me"], "the other is gone")
        self.assertNotEqual(other.client_id(), number)  # redis-py connects again
        self.assertEqual(r.info("server")["redis_mode"], "standalone")
        self.assertEqual(r.role()[0], "master")

    def test_errors(self):
        r = self.r
        r.set("a", "x")
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE Operation against a key"):
            r.lpush("a", "1")
        with self.assertRaisesRegex(redis.ResponseError, "value is not an integer or out of range"):
            r.incr("a")
        with self.assertRaisesRegex(redis.ResponseError, "unknown command 'NONSENSE'"):
            r.execute_command("NONSENSE", "a")
        with self.assertRaisesRegex(redis.ResponseError, "wrong number of arguments for 'get' command"):
            r.execute_command("GET")
        with self.assertRaises(redis.ResponseError):
            self.client(db=99).get("a")
        self.assertEqual(r.get("a"), "x")

    def test_password(self):
        """None is set. AUTH is refused then, HELLO takes any."""
        client = self.client(password="secret")
        if self.protocol == 2:
            with self.assertRaisesRegex(redis.AuthenticationError, "without any password configured"):
                client.ping()
        else:
            self.assertTrue(client.ping())


class Resp2(Everything):
    """Over RESP2."""


class Resp3(Everything):
    """Over RESP3."""

    protocol = 3

    def test_types(self):
        """RESP3 has types of its own for these."""
        self.r.hset("h", mapping={"a": "1"})
        self.r.sadd("s", "a")
        self.r.zadd("z", {"a": 1.5})
        self.assertEqual(self.r.execute_command("HGETALL", "h"), {"a": "1"})
        self.assertEqual(self.r.execute_command("SMEMBERS", "s"), {"a"})
        self.assertEqual(self.r.execute_command("ZSCORE", "z", "a"), 1.5)
        self.assertEqual(self.r.eval("redis.setresp(3) return {true, false, {map={k='v'}}, {double=1.5}}", 0),
                         [True, False, {"k": "v"}, 1.5])
        hello = self.r.execute_command("HELLO")
        self.assertEqual((hello["proto"], hello["mode"], hello["role"]), (3, "standalone", "master"))


class Cache(ClientTest):
    """redis-py's client-side cache, which it has for Redis 7.4 and later."""

    protocol = 3

    def setUp(self):
        super().setUp()
        version = tuple(map(int, self.r.info("server")["redis_version"].split(".")))
        if version < (7, 4):
            self.skipTest("redis-py's cache takes Redis 7.4")

    def requests(self, name):
        """How often the command was asked of the server."""
        return self.r.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"]

    def test_cache(self):
        client = self.client(cache_config=CacheConfig(max_size=1000))
        cache = client.get_cache()
        self.r.mset({f"k{number}": number for number in range(200)})
        self.r.hset("h", mapping={"a": 1})
        for _ in range(3):
            self.assertEqual([client.get(f"k{number}") for number in range(200)], list(map(str, range(200))))
            self.assertEqual(client.hgetall("h"), {"a": "1"})
        self.assertEqual(cache.size, 201)
        before = self.requests("get")
        self.assertEqual([client.get(f"k{number}") for number in range(200)], list(map(str, range(200))))
        self.assertEqual(self.requests("get"), before)
        # What others write, the client sees: with the next request, as far as what is under way lets it.
        self.r.set("k7", "changed")
        wait_until(lambda: client.get("k7") == "changed", "a write is seen")
        self.r.hincrby("h", "a", 1)
        wait_until(lambda: client.hgetall("h") == {"a": "2"}, "a change of a hash is seen")
        self.r.eval("return redis.call('SET', KEYS[1], 'by a script')", 1, "k8")
        wait_until(lambda: client.get("k8") == "by a script", "a script's write is seen")
        self.r.pexpire("k9", 20)
        wait_until(lambda: client.get("k9") is None, "an expiry is seen")
        with self.r.pipeline() as pipe:
            pipe.delete("k10").set("k11", "in a transaction").execute()
        wait_until(lambda: client.mget("k10", "k11") == [None, "in a transaction"], "a transaction is seen")
        client.set("k12", "by itself")
        wait_until(lambda: client.get("k12") == "by itself", "its own write is seen")
        self.r.flushall()
        wait_until(lambda: client.get("k20") is None and client.hgetall("h") == {}, "FLUSHALL is seen")


# The base classes have no server of their own to test.
del Everything, ClientTest

if __name__ == "__main__":
    unittest.main(verbosity=2)
