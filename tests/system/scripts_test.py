"""Scripts: what MONITOR shows of them, and what comes back of those that were stopped at the limit of memory."""
import re
import unittest

import harness
from dataset import contents, differences

# "1700000000.123456 [0 127.0.0.1:5000]": what differs from one run to the next.
WHEN_AND_WHO = re.compile(r"^\d+\.\d{6} \[(\d+) ([^\]]+)\]")

FUNCTION = "#!lua name=l\nredis.register_function('f', function(k) return redis.call('set', k[1], 'f') end)"
SCRIPTS = (
    ("EVAL", "redis.call('set', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])", "1", "k", 'a "value"\x01'),
    ("EVAL", "redis.call('select', 3) redis.call('incr', 'n') redis.pcall('lpush', 'n', 1)", "0"),
    ("EVAL", "return 1", "0"),
    ("EVAL", "redis.call('del', 'k') redis.call('spop', 'none') error('it ends here')", "1", "k"),
)
NEWER_SCRIPTS = (("EVAL_RO", "return redis.call('get', KEYS[1])", "1", "k"), ("FCALL", "f", "1", "k"))


def shape(line):
    """Without time, and without address but for a script's."""
    return WHEN_AND_WHO.sub(lambda match: f"[{match[1]} {match[2] if match[2] == 'lua' else 'client'}]", line)


class MonitorTest(harness.EveryBuild, harness.SystemTest):
    """MONITOR shows the same as a plain Redis, Holdfast's own never."""

    def on_build(self, build):
        plain, behind = self.redis(build, name="plain"), self.redis(build)
        proxy = self.holdfast(behind)
        self.assertEqual(self.shown(proxy, build), self.shown(plain, build))
        # A Redis that comes back tells again.
        with proxy.client() as monitor, proxy.client() as client:
            monitor.must("MONITOR")
            behind.kill()
            behind.start()
            with behind.client() as direct:
                harness.wait_until(lambda: " flags=O " in direct.must("CLIENT", "LIST"), "Redis is asked to tell again")
            client.must("EVAL", "return redis.call('echo', 'it is back')", "0")
            self.until(monitor, 'lua] "echo" "it is back"')

    def shown(self, server, build):
        """What clients did and what scripts did, each in its order."""
        with server.client() as client, server.client() as monitor:
            scripts = SCRIPTS
            if not build.startswith("6."):
                client.must("FUNCTION", "LOAD", FUNCTION)
                scripts += NEWER_SCRIPTS
            self.assertEqual(monitor.must("MONITOR"), "OK")
            for script in scripts:
                client.command(*script)
                client.must("GET", "k")
            client.must("EVAL", "redis.call('echo', 'end')", "0")
            lines = self.until(monitor, 'lua] "echo" "end"')
        by_script = [line for line in lines if " lua]" in line]
        return [line for line in lines if line not in by_script], by_script

    def until(self, monitor, end):
        lines = [shape(monitor.read())]
        while end not in lines[-1]:
            lines.append(shape(monitor.read()))
        return lines


class LimitTest(harness.EveryBuild, harness.SystemTest):
    """Scripts at the limit of memory: what they did before they were stopped, and what they did not, is in the log."""

    def on_build(self, build):
        behind = self.redis(build)
        proxy = self.holdfast(behind)
        client = proxy.client()
        client.must("SET", "k", "1")
        client.must("CONFIG", "SET", "maxmemory", "1")
        stopped = client.command("EVAL", "return redis.call('set', 'k', '2')", "1", "k")
        self.assertIn("OOM command not allowed", str(stopped))
        caught = "redis.call('del', 'gone') local r = redis.pcall('set', 'k', 3) return redis.call('strlen', 'k')"
        self.assertEqual(client.must("EVAL", caught, "1", "k"), 1)
        # Once it has written, Redis lets it go on.
        client.must("EVAL", "redis.call('del', 'k') redis.call('set', 'l', '1')", "2", "k", "l")
        # Others of the same batch are not concerned.
        replies = client.pipeline([("DEL", "l"), ("EVAL", "return redis.call('set', 'k', '4')", "1", "k"), ("GET", "k")])
        self.assertEqual(replies[0], 1)
        self.assertIn("OOM", str(replies[1]))
        with behind.client() as direct:
            self.assertEqual(direct.must("CONFIG", "GET", "maxmemory"), ["maxmemory", "0"])
        # A connection that was lost in between would have left this.
        with behind.client() as direct:
            direct.must("CONFIG", "SET", "maxmemory", "1")
        proxy.kill()
        proxy.start()
        with proxy.client() as client, behind.client() as direct:
            self.assertEqual(direct.must("CONFIG", "GET", "maxmemory"), ["maxmemory", "0"])
            client.must("EVAL", "return redis.call('set', 'k', '5')", "1", "k")
            client.must("CONFIG", "SET", "maxmemory", "1")
            self.assertIn("OOM", str(client.command("EVAL", "return redis.call('set', 'k', '6')", "1", "k")))
            expected = contents(behind.port)
            # A Redis that comes back has noted nothing yet.
            behind.kill()
            behind.start()
            harness.wait_until(lambda: client.command("GET", "k") == "5", "the data is back")
            self.assertIn("OOM", str(client.command("EVAL", "return redis.call('set', 'k', '6')", "1", "k")))
            self.assertEqual(differences(expected, contents(behind.port)), "")


if __name__ == "__main__":
    unittest.main()
