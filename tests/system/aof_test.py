"""A Redis that writes an AOF of its own behind Holdfast: it may, it may fail, and what it loses at its end is in the log."""
import subprocess
import threading

import harness
from dataset import contents, differences

AOF = ("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0")


def info(client, field):
    for line in client.must("INFO", "persistence").splitlines():
        if line.startswith(field + ":"):
            return line.partition(":")[2]
    raise AssertionError(f"INFO has no {field}")


def wait_written(client):
    """Until the AOF that was switched on has been begun."""
    harness.wait_until(lambda: info(client, "aof_enabled") == "1" and info(client, "aof_rewrite_in_progress") == "0"
                       and info(client, "aof_rewrite_scheduled") == "0", "the AOF is begun")


def last_part(redis):
    """The AOF file that is being written."""
    parts = [path for path in redis.data.rglob("*.aof") if ".base." not in path.name]
    return max(parts, key=lambda path: path.stat().st_mtime)


class SwitchedOnTest(harness.EveryBuild, harness.SystemTest):
    """CONFIG SET appendonly, kill -9 of both, and a Redis that comes back with its AOF, the end of which is lost."""

    def on_build(self, build):
        redis = self.redis(build)
        holdfast = self.holdfast(redis)
        client = holdfast.client()
        fsync = "no" if build == "7.0.15" else "always"
        client.must("CONFIG", "SET", "appendfsync", fsync)
        client.must("CONFIG", "SET", "appendonly", "yes")
        self.assertEqual(client.must("CONFIG", "GET", "appendfsync")[1], fsync)
        with redis.client() as direct:
            self.assertEqual(direct.must("CONFIG", "GET", "appendfsync")[1], "no" if fsync == "no" else "everysec")
        wait_written(client)
        client.pipeline([("SET", f"k:{number}", "x" * 100) for number in range(2000)])
        client.must("EVAL", "redis.call('SET', 'a', '1') redis.call('SADD', 's', 'x')", "0")
        client.must("SPOP", "s")
        self.assertEqual(client.must("DEBUG", "LOADAOF"), "OK")
        wait_written(client)
        for _ in range(50):
            client.pipeline([("INCR", "n") for _ in range(10)])
        before = contents(redis.port)
        holdfast.kill()
        redis.kill()
        part = last_part(redis)
        self.assertGreater(part.stat().st_size, 300, part)
        with open(part, "r+b") as file:
            file.truncate(part.stat().st_size - 257)
        redis.options += AOF
        redis.start(keep=True)
        with redis.client() as direct:
            self.assertLess(int(direct.must("GET", "n")), 500)  # it came back, without its end
        holdfast.start()
        self.assertEqual(differences(before, contents(redis.port)), "")
        client = holdfast.client()
        self.assertEqual(client.must("CONFIG", "GET", "appendonly")[1], "yes")  # as it has it by itself
        wait_written(client)
        self.assertEqual(client.must("INCR", "n"), 501)
        # Only Redis dies, and comes back with it.
        redis.kill()
        redis.start(keep=True)
        harness.wait_until(lambda: client.command("GET", "n") == "501", "it serves again")
        self.assertEqual(client.must("INCR", "n"), 502)
        self.assertEqual(client.must("GET", "k:1999"), "x" * 100)


class FailingTest(harness.EveryBuild, harness.SystemTest):
    """The disk under the AOF is full: no write is refused, Redis's AOF is switched off."""

    def on_build(self, build):
        disk = self.directory / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"mounting takes root: {done.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        redis = self.redis(build, options=("--dir", disk, *AOF))
        holdfast = self.holdfast(redis)
        clients = [holdfast.client(timeout=60) for _ in range(4)]
        first = clients[0]
        for once_more in (False, True):
            self.assertEqual(first.must("CONFIG", "GET", "appendonly")[1], "yes")
            wait_written(first)
            with self.assertRaises(OSError), open(disk / "ballast", "wb", buffering=0) as ballast:
                while True:
                    ballast.write(bytes(4096))
            replies = []

            def write(number):
                for step in range(60):
                    replies.extend(clients[number].pipeline(
                        [("INCR", f"n:{number}"), ("SET", f"k:{number}:{step}", "x" * 1000), ("GET", f"n:{number}"),
                         ("MULTI",), ("INCR", "all"), ("EXEC",)]))

            threads = [threading.Thread(target=write, args=(number,)) for number in range(len(clients))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([reply for reply in replies if isinstance(reply, harness.RespError)], [])
            self.assertEqual(len(replies), 60 * 4 * 6)
            harness.wait_until(lambda: first.must("CONFIG", "GET", "appendonly")[1] == "no", "the AOF is switched off")
            self.assertEqual(info(first, "aof_enabled"), "0")
            self.assertIn("its AOF is switched off", holdfast.said())
            times = 2 if once_more else 1
            self.assertEqual([first.must("GET", f"n:{number}") for number in range(4)], [str(60 * times)] * 4)
            self.assertEqual(first.must("GET", "all"), str(240 * times))
            (disk / "ballast").unlink()
            if not once_more:
                first.must("CONFIG", "SET", "appendonly", "yes")
        before = contents(redis.port)
        self.assertEqual(first.must("DEBUG", "LOADAOF"), "OK")  # made anew from the log
        self.assertEqual(differences(before, contents(redis.port)), "")
