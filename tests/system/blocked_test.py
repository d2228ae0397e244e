"""Ten thousand clients that wait for an element: they cost no connection to Redis and no command, and are served in turn."""
import resource
import unittest

import harness
from statistics_test import LINE

CLIENTS = 10_000


class BlockedTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 2 * CLIENTS
        if hard not in (-1, resource.RLIM_INFINITY) and hard < wanted:
            self.skipTest(f"only {hard} files may be open")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    @staticmethod
    def look(redis):
        """Redis's connections, and the commands it has executed, but for those about itself."""
        with redis.client() as client:
            stats = [LINE.match(line) for line in client.must("INFO", "commandstats").splitlines()]
            calls = {match.group(1): int(match.group(2)) for match in stats if match}
            connections = int(client.must("INFO", "clients").split("connected_clients:")[1].split()[0])
        return connections, sum(count for name, count in calls.items() if name not in ("info", "config|get", "replconf"))

    def test_ten_thousand(self):
        redis = self.redis()
        proxy = self.holdfast(redis, flags=("--limits-clients", str(CLIENTS + 100)))
        with proxy.client(timeout=60) as client:
            client.must("SET", "warm", "1")
            before = self.look(redis)
            self.assertGreater(before[1], 0)
            waiting = [proxy.client(timeout=60) for _ in range(CLIENTS)]
            for one in waiting:
                one.send("BLPOP", "queue", "other", 0)

            def blocked():
                return int(client.must("INFO", "clients").split("blocked_clients:")[1].split()[0])
            harness.wait_until(lambda: blocked() == CLIENTS, "all are blocked", timeout=60)
            first = self.look(redis)
            self.assertEqual(first[0], before[0])

            # For as long as two seconds of Redis's own time nobody asks it about them.
            def uptime():
                with redis.client() as direct:
                    return int(direct.must("INFO", "server").split("uptime_in_seconds:")[1].split()[0])
            begin = uptime()
            harness.wait_until(lambda: uptime() >= begin + 2, "time passes", timeout=20)
            later = self.look(redis)
            self.assertEqual(later[0], first[0])
            self.assertLess(later[1] - first[1], 100)

            for start in range(0, CLIENTS, 500):
                client.must("RPUSH", "queue", *range(start, start + 500))
            for number, one in enumerate(waiting):
                self.assertEqual(one.read(), ["queue", str(number)])
            self.assertEqual(client.must("LLEN", "queue"), 0)
        for one in waiting:
            one.close()


if __name__ == "__main__":
    unittest.main()
