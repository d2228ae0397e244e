"""redis.asyncio: many tasks at the same time on a pool; every result is checked."""
import asyncio
import os
import time
import unittest

import redis.asyncio as redis

ADDRESS = {"host": os.environ["REDIS_HOST"], "port": int(os.environ["REDIS_PORT"])}
SOON = 10  # seconds within which what another client does must show
TASKS = 100


class AsyncioTest(unittest.IsolatedAsyncioTestCase):
    """An empty server, and a client of it with a pool."""

    protocol = 2

    async def asyncSetUp(self):
        self.r = self.client()
        self.assertTrue(await self.r.flushall())

    def client(self, connections=20, **options):
        pool = redis.BlockingConnectionPool(**ADDRESS, max_connections=connections, timeout=SOON,
                                            protocol=self.protocol, decode_responses=True, **options)
        client = redis.Redis.from_pool(pool)
        self.addAsyncCleanup(client.aclose)
        return client

    async def together(self, function, count=TASKS):
        """Runs function(0), function(1), ... as tasks; returns what they returned."""
        return await asyncio.gather(*(function(number) for number in range(count)))

    async def wait_blocked(self, count):
        deadline = time.monotonic() + SOON
        while (await self.r.info("clients"))["blocked_clients"] != count:
            self.assertLess(time.monotonic(), deadline, f"{count} clients are not blocked")
            await asyncio.sleep(0.005)


class Everything(AsyncioTest):
    """What does not depend on the protocol."""

    async def test_commands(self):
        async def use(number):
            key = f"k{number}"
            self.assertIs(await self.r.set(key, number, ex=100), True)
            self.assertEqual(await self.r.incrby(key, 5), number + 5)
            self.assertEqual(await self.r.get(key), str(number + 5))
            self.assertEqual(await self.r.hset(f"h{number}", mapping={"a": number, "b": "ü"}), 2)
            self.assertEqual(await self.r.hgetall(f"h{number}"), {"a": str(number), "b": "ü"})
            pushed.append(await self.r.rpush("list", number))
            self.assertEqual(await self.r.sadd("set", number), 1)
            self.assertEqual(await self.r.zadd("zset", {key: number}), 1)
            return await self.r.incr("counter")

        pushed = []
        self.assertEqual(sorted(await self.together(use)), list(range(1, TASKS + 1)))
        self.assertEqual(sorted(pushed), list(range(1, TASKS + 1)))
        self.assertEqual(await self.r.smembers("set"), {str(number) for number in range(TASKS)})
        self.assertEqual(await self.r.zrange("zset", 0, -1), [f"k{number}" for number in range(TASKS)])
        self.assertEqual({key async for key in self.r.scan_iter("h*")}, {f"h{number}" for number in range(TASKS)})

    async def test_pipelines(self):
        async def use(number):
            async with self.r.pipeline(transaction=number % 2 == 0) as pipe:
                pipe.set(f"k{number}", number).incr("counter").get(f"k{number}").lpush(f"k{number}", 1)
                results = await pipe.execute(raise_on_error=False)
            self.assertEqual((results[0], results[2]), (True, str(number)))
            self.assertIsInstance(results[3], redis.ResponseError)
            return results[1]

        self.assertEqual(sorted(await self.together(use)), list(range(1, TASKS + 1)))
        async with self.r.pipeline(transaction=False) as pipe:
            for number in range(3000):
                pipe.rpush("l", number)
            self.assertEqual(await pipe.execute(), list(range(1, 3001)))

    async def test_watch(self):
        async def deposit(_):
            async def change(pipe):
                balance = int(await pipe.get("balance"))
                pipe.multi()
                pipe.set("balance", balance + 1)

            for _ in range(10):
                self.assertEqual(await self.r.transaction(change, "balance"), [True])

        await self.r.set("balance", 0)
        await self.together(deposit, 10)
        self.assertEqual(await self.r.get("balance"), "100")
        async with self.r.pipeline() as pipe:
            await pipe.watch("balance")
            await self.r.incr("balance")
            pipe.multi()
            pipe.set("balance", 0)
            with self.assertRaises(redis.WatchError):
                await pipe.execute()

    async def test_blocking(self):
        begin = time.monotonic()
        self.assertIsNone(await self.r.blpop(["a", "b"], timeout=0.1))
        self.assertTrue(0.09 < time.monotonic() - begin < SOON)
        waiting = self.client(connections=TASKS)
        tasks = [asyncio.create_task(waiting.blpop(["a", "b"], timeout=SOON)) for _ in range(40)]
        tasks += [asyncio.create_task(waiting.blmove("c", "done", SOON)) for _ in range(40)]
        await self.wait_blocked(80)
        await asyncio.gather(*(self.r.rpush("b", number) for number in range(40)),
                             *(self.r.rpush("c", number) for number in range(40)))
        got = await asyncio.gather(*tasks)
        numbers = sorted(str(number) for number in range(40))
        self.assertEqual({one[0] for one in got[:40]}, {"b"})
        self.assertEqual(sorted(one[1] for one in got[:40]), numbers)
        self.assertEqual(sorted(got[40:]), numbers)
        self.assertEqual(sorted(await self.r.lrange("done", 0, -1)), numbers)
        # A task that is cancelled leaves; what comes later is not for it.
        hasty = asyncio.create_task(waiting.blpop("d", timeout=SOON))
        await self.wait_blocked(1)
        hasty.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await hasty
        await self.wait_blocked(0)
        await self.r.rpush("d", "x")
        self.assertEqual(await self.r.lrange("d", 0, -1), ["x"])

    async def test_pubsub(self):
        async def listen(number):
            heard = []
            async with subscribers.pubsub(ignore_subscribe_messages=True) as pubsub:
                await pubsub.subscribe("all", f"only:{number}")
                await pubsub.psubscribe("pattern:*")
                ready.release()
                async for message in pubsub.listen():
                    if message["data"] == "end":
                        return heard
                    heard.append((message["channel"], message["data"]))

        subscribers, ready = self.client(connections=30), asyncio.Semaphore(0)
        tasks = [asyncio.create_task(listen(number)) for number in range(30)]
        for _ in tasks:
            await ready.acquire()
        deadline = time.monotonic() + SOON
        while await self.r.publish("pattern:x", "begin") < 30:
            self.assertLess(time.monotonic(), deadline, "not all are subscribed")
        for number in range(50):
            self.assertEqual(await self.r.publish("all", number), 30)
        await asyncio.gather(*(self.r.publish(f"only:{number}", "you") for number in range(30)))
        self.assertEqual(await self.r.publish("pattern:x", "end"), 30)
        for number, task in enumerate(tasks):
            heard = [one for one in await asyncio.wait_for(task, SOON) if one[1] != "begin"]
            self.assertEqual(heard, [("all", str(turn)) for turn in range(50)] + [(f"only:{number}", "you")])

    async def test_streams(self):
        async def consume(name):
            client, got = self.client(connections=1), []
            while True:
                reply = await client.xreadgroup("group", name, {"x": ">"}, count=1, block=SOON * 1000)
                stream = reply["x"][0] if isinstance(reply, dict) else reply[0][1]
                self.assertEqual(await client.xack("x", "group", stream[0][0]), 1)
                if stream[0][1]["n"] == "end":
                    return got
                got.append(stream[0][1]["n"])

        await self.r.xgroup_create("x", "group", mkstream=True)
        tasks = [asyncio.create_task(consume(f"c{number}")) for number in range(5)]
        await self.together(lambda number: self.r.xadd("x", {"n": number}))
        for _ in tasks:
            await self.r.xadd("x", {"n": "end"})
        got = [one for some in await asyncio.gather(*tasks) for one in some]
        self.assertEqual(sorted(map(int, got)), list(range(TASKS)))
        self.assertEqual((await self.r.xpending("x", "group"))["pending"], 0)

    async def test_lock_and_script(self):
        add = self.r.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")

        async def enter(_):
            async with self.r.lock("mutex", timeout=20, sleep=0.005, blocking_timeout=SOON):
                value = int(await self.r.get("value") or 0)
                await self.r.set("value", value + 1)
            return await add(keys=["sum"], args=[2])

        self.assertEqual(sorted(await self.together(enter, 20)), list(range(2, 42, 2)))
        self.assertEqual(await self.r.mget("value", "sum", "mutex"), ["20", "40", None])


class Resp2(Everything):
    """Over RESP2."""


class Resp3(Everything):
    """Over RESP3."""

    protocol = 3


# The base classes have no protocol of their own to test.
del Everything, AsyncioTest

if __name__ == "__main__":
    unittest.main(verbosity=2)
