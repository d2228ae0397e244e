"""Random commands of many clients at once, pipelined at random, each client in a database of its own: every reply must
be the one that a plain Redis gives to the same client's commands.

HOLDFAST_COMMANDS_SEED: which commands; it is printed.
"""
import os
import random
import sys
import threading
import unittest

import harness
from dataset import RawClient, contents, differences
from main_job_test import comparable

CLIENTS = 12
STEPS = 1500

KEYS = [f"k{i}" for i in range(8)] + ["", "\x00bin\r\n", "{tag}key"]
VALUES = ["", "a", "b", "c", "5", "-3", "1.5", "x" * 70, "y" * 3000, "\x00\r\n\x01", "9223372036854775807", "$3\r\n",
          "*1\r\n"]
FIELDS = ["f1", "f2", "f3", "f4"]
SCORES = ["1", "2.5", "-inf", "+inf", "(1", "0", "nan", "3e2"]
RANGES = ["0", "1", "-1", "-2", "5", "100", "abc"]


class Commands:
    """Makes up commands, right ones and wrong ones."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def __call__(self):
        pick = self.random.choice
        key, key2, value, field, score = pick(KEYS), pick(KEYS), pick(VALUES), pick(FIELDS), pick(SCORES)
        start, stop = pick(RANGES), pick(RANGES)
        far = str(self.random.choice((33177117420000, 43177117420000)))
        command = pick((
            ("SET", key, value), ("SET", key, value, pick(("NX", "XX", "GET", "KEEPTTL", "WRONG"))),
            ("SET", key, value, "PXAT", far), ("SET", key, value, "PXAT", far, pick(("NX", "XX", "GET"))),
            ("GET", key), ("GETDEL", key), ("GETSET", key, value), ("APPEND", key, value), ("STRLEN", key),
            ("GETRANGE", key, start, stop), ("SETRANGE", key, start, value), ("INCR", key), ("DECRBY", key, start),
            ("INCRBYFLOAT", key, value), ("MSET", key, value, key2, "m"), ("MSETNX", key, value, key2, "m"),
            ("MGET", key, key2), ("GETEX", key, "PXAT", far), ("GETEX", key, "PERSIST"), ("SETNX", key, value),
            ("DEL", key, key2), ("UNLINK", key), ("EXISTS", key, key2), ("TYPE", key), ("RENAME", key, key2),
            ("RENAMENX", key, key2), ("COPY", key, key2), ("COPY", key, key2, "REPLACE"), ("PERSIST", key),
            ("PEXPIREAT", key, far), ("PEXPIREAT", key, "1"),
            ("EXPIREAT", key, far[:-3], pick(("NX", "XX", "GT", "LT"))),
            ("PEXPIRETIME", key), ("TOUCH", key), ("DBSIZE",), ("KEYS", "*"),
            ("HSET", key, field, value), ("HSETNX", key, field, value), ("HGET", key, field), ("HGETALL", key),
            ("HDEL", key, field, "f9"), ("HINCRBY", key, field, start), ("HINCRBYFLOAT", key, field, value),
            ("HLEN", key), ("HMGET", key, field, "f9"), ("HEXISTS", key, field), ("HSTRLEN", key, field),
            ("LPUSH", key, value, "l"), ("RPUSH", key, value), ("LPUSHX", key, value), ("LPOP", key),
            ("RPOP", key, start),
            ("LRANGE", key, start, stop), ("LTRIM", key, start, stop), ("LINSERT", key, "BEFORE", value, "i"),
            ("LREM", key, start, value), ("LSET", key, start, value), ("LLEN", key),
            ("LMOVE", key, key2, "LEFT", "RIGHT"),
            ("SADD", key, value, "5", "6"), ("SREM", key, value), ("SMEMBERS", key), ("SCARD", key),
            ("SMOVE", key, key2, value),
            ("SINTERSTORE", key, key, key2), ("SUNION", key, key2), ("SDIFFSTORE", key2, key, key2),
            ("SPOP", key, "100"),
            ("ZADD", key, score, value), ("ZADD", key, pick(("NX", "XX", "GT", "LT", "CH", "INCR")), score, value),
            ("ZINCRBY", key, score, value), ("ZRANGE", key, start, stop, "WITHSCORES"), ("ZREM", key, value),
            ("ZPOPMIN", key),
            ("ZPOPMAX", key, start), ("ZRANGEBYSCORE", key, "-inf", score), ("ZREMRANGEBYRANK", key, start, stop),
            ("ZUNIONSTORE", key, "2", key, key2), ("ZINTERSTORE", key2, "2", key, key2), ("ZSCORE", key, value),
            ("SETBIT", key, "100", "1"), ("BITCOUNT", key), ("BITOP", "XOR", key, key, key2), ("GETBIT", key, "7"),
            ("BITFIELD", key, "INCRBY", "u8", "3", "200", "GET", "u4", "0"), ("PFADD", key, value),
            ("PFCOUNT", key, key2),
            ("PFMERGE", key, key2), ("GEOADD", key, "13.3", "38.1", value), ("GEOPOS", key, value),
            ("XADD", key, f"{self.random.randrange(1, 50)}-1", "f", value), ("XLEN", key), ("XDEL", key, "7-1"),
            ("XRANGE", key, "-", "+"), ("XTRIM", key, "MAXLEN", start), ("XGROUP", "CREATE", key, "g", "0"),
            ("XACK", key, "g", "3-1"), ("XREAD", "COUNT", "3", "STREAMS", key, "0"), ("OBJECT", "ENCODING", key),
            ("EVAL", "return redis.call('SET', KEYS[1], ARGV[1])", "1", key, value),
            ("EVAL", "return redis.call('RPUSH', KEYS[1], ARGV[1], ARGV[1])", "1", key, value),
            ("EVAL", "redis.call('DEL', KEYS[2]) return redis.pcall('GET', KEYS[1])", "2", key, key2),
            ("EVAL", "redis.call('SET', KEYS[1], 'half') return redis.call('LPUSH', KEYS[1], 'x')", "1", key),
            ("PING",), ("ECHO", value), ("NOSUCH", key), ("GET",), ("HSET", key, field), ("SORT", key),
            ("SORT", key, "ALPHA"),
            ("EXISTS", key), ("FLUSHDB",) if self.random.random() < 0.05 else ("STRLEN", key2)))
        if self.random.random() < 0.2:
            command = (command[0].lower(),) + command[1:]
        return [part.encode("latin-1") for part in command]

    def step(self):
        """Commands that are sent in one go."""
        if self.random.random() < 0.1:
            inside = [self() for _ in range(self.random.randrange(6))]
            return [[b"MULTI"], *inside, [self.random.choice((b"EXEC", b"EXEC", b"EXEC", b"DISCARD"))]]
        return [self() for _ in range(self.random.choice((1, 1, 1, 2, 5, 30)))]


def converse(port, database, seed, replies):
    """One client's life; its replies, in a form that can be compared."""
    make, shown = Commands(seed), []
    with RawClient(port, timeout=60) as client:
        client.command("SELECT", database)
        for _ in range(STEPS // 5):
            commands = make.step()
            in_transaction = False
            for command, reply in zip(commands, client.pipeline(commands)):
                name = command[0].upper()
                unordered = name == b"EXEC" or in_transaction
                shown.append((command, sorted(reply.split(b"\r\n")) if unordered else comparable(command, reply)))
                in_transaction = name == b"MULTI" or (in_transaction and name not in (b"EXEC", b"DISCARD"))
    replies[database] = shown


class RandomCommandsTest(harness.EveryBuild, harness.SystemTest):
    def on_build(self, build):
        seed = os.environ.get("HOLDFAST_COMMANDS_SEED") or str(random.SystemRandom().randrange(1 << 32))
        print(f"\n{self.id()}: HOLDFAST_COMMANDS_SEED={seed}", file=sys.stderr)
        behind, plain = self.redis(build), self.redis(build, name="plain")
        proxy = self.holdfast(behind)
        ours, theirs = {}, {}
        threads = [threading.Thread(target=converse, args=(port, database, f"{seed} {database}", replies))
                   for port, replies in ((proxy.port, ours), (plain.port, theirs)) for database in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for database in range(CLIENTS):
            self.assertIn(database, ours)
            for number, (one, other) in enumerate(zip(ours[database], theirs[database])):
                self.assertEqual(one, other, f"database {database}, command {number}: {one[0]}")
        self.assertEqual(differences(contents(behind.port), contents(plain.port)), "")
        before = contents(behind.port)
        proxy.kill()
        behind.kill()
        behind.start()
        proxy.start()
        self.assertEqual(differences(before, contents(behind.port)), "")


if __name__ == "__main__":
    unittest.main()
