"""Commands and a type of a module that no table of Holdfast's knows: durable like all others."""
import subprocess
import sys
import unittest

import harness
from dataset import contents, differences, replay, verify

sys.path.insert(0, str(harness.ROOT / "tests" / "redis_suite"))

import redis_suite  # noqa: E402

SOURCE = harness.ROOT / "tests" / "system" / "module" / "mine.c"


class ModuleTest(harness.EveryBuild, harness.SystemTest):
    def on_build(self, build):
        redis_suite.fetch()  # redismodule.h
        module, server = self.directory / "mine.so", self.directory / "redis-server"
        subprocess.run(["gcc", "-std=gnu11", "-O1", "-fPIC", "-shared", "-I", redis_suite.SUITE / "src", "-o", module, SOURCE],
                       check=True)
        # Each Redis that is made for the same data needs the module.
        server.write_text(f'#!/bin/sh\nexec {harness.redis_server(build)} "$@" --loadmodule {module}\n')
        server.chmod(0o755)
        redis = self.redis(build)
        redis.kill()
        redis.program = server
        redis.start()
        proxy = self.holdfast(redis)
        with proxy.client() as client:
            self.assertEqual([client.must("MINE.COUNT", "counter") for _ in range(5)], [1, 2, 3, 4, 5])
            drawn = [client.must("MINE.CHANCE", "list") for _ in range(20)]
            self.assertEqual(client.must("LRANGE", "list", 0, -1), [str(number) for number in drawn])
            self.assertEqual(client.must("MINE.NOTHING", "nothing"), "nothing")
            self.assertEqual(client.must("MINE.READ", "counter"), 5)
            self.assertIn("WRONGTYPE", str(client.command("MINE.COUNT", "list")))
            self.assertIn("WRONGTYPE", str(client.command("MINE.CHANCE", "counter")))
            self.assertIn("wrong number of arguments", str(client.command("MINE.COUNT")))
            self.assertEqual(client.must("EVAL", "return redis.call('mine.count', KEYS[1])", 1, "counter"), 6)
            client.must("MULTI")
            client.must("MINE.COUNT", "counter")
            client.must("MINE.CHANCE", "list")
            self.assertEqual(client.must("EXEC")[0], 7)
            client.must("WATCH", "counter")
            with proxy.client() as other:
                other.must("MINE.COUNT", "counter")
            client.must("MULTI")
            client.must("PING")
            self.assertIsNone(client.must("EXEC"))
            client.must("ACL", "SETUSER", "joe", "on", "nopass", "~c*", "+@read", "+mine.read")
            with proxy.client() as joe:
                joe.must("AUTH", "joe", "x")
                self.assertEqual(joe.must("MINE.READ", "counter"), 8)
                self.assertIn("NOPERM", str(joe.command("MINE.COUNT", "counter")))
            before = contents(redis.port)
            self.assertEqual(len(before), 2)

            # Made anew from the log, with what chance has decided.
            redis.kill()
            redis.start()
            harness.wait_until(lambda: client.command("MINE.READ", "counter") == 8, "Redis is back", timeout=20)
            self.assertEqual(differences(before, contents(redis.port)), "")
            self.assertEqual(client.must("MINE.COUNT", "counter"), 9)
        verify(proxy, redis)
        before = contents(redis.port)
        proxy.kill()
        redis.kill()
        redis.start()
        replay(proxy, redis)
        self.assertEqual(differences(before, contents(redis.port)), "")


if __name__ == "__main__":
    unittest.main()
