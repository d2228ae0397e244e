"""DEBUG RELOAD: Redis would drop what has expired and tell nobody, so that a replay would not know of it."""
import time

import dataset
import harness


class ReloadTest(harness.EveryBuild, harness.SystemTest):
    def on_build(self, build):
        redis = self.redis(build)
        holdfast = self.holdfast(redis)
        with holdfast.client() as client:
            client.must("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            client.must("SET", "stays", "1")
            for step in range(3):
                for key, write in (("n", ("INCRBY", "n", "5")), ("l", ("RPUSH", "l", "x")), ("h", ("HSET", "h", "a", "b"))):
                    client.must(*write)
                    client.must("PEXPIRE", key, "20")
                begin = time.monotonic()
                harness.wait_until(lambda: time.monotonic() > begin + 0.05, "they have expired")
                self.assertEqual(client.must("DEBUG", "RELOAD", *(["NOSAVE"] if step == 2 else [])), "OK")
                self.assertEqual(client.must("INCR", "n"), 1)
                self.assertEqual(client.must("RPUSH", "l", "y"), 1)
                self.assertEqual(client.must("HSET", "h", "c", "d"), 1)
            self.assertEqual(client.must("DEBUG", "RELOAD", "noflush", "MERGE"), "OK")
            self.assertIn("Error trying to load the RDB", str(client.command("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH")))
            self.assertIn("only supports the MERGE, NOFLUSH and NOSAVE options", str(client.command("DEBUG", "RELOAD", "x")))
            digest = client.must("DEBUG", "DIGEST")
            self.assertEqual(client.must("DEBUG", "RELOAD"), "OK")
            self.assertEqual(client.must("DEBUG", "DIGEST"), digest)
            with redis.client() as direct:
                direct.must("SELECT", dataset.databases(direct) - 1)
                self.assertEqual(direct.must("KEYS", "*"), [dataset.MARKER])
                self.assertNotEqual(direct.must("DEBUG", "DIGEST"), digest)
        with self.redis(build, name="plain").client() as plain:
            for command in (("SET", "stays", "1"), ("INCR", "n"), ("RPUSH", "l", "y"), ("HSET", "h", "c", "d")):
                plain.must(*command)
            self.assertEqual(plain.must("DEBUG", "DIGEST"), digest)
        dataset.verify(holdfast, redis)
