"""Holdfast does not start: one clear line with the reason and the way out, and an exit status that says so. And what it
makes of a Redis that holds something already."""
import os
import socket
import sqlite3
import threading
import unittest

import harness
from dataset import contents, differences

LIMIT = 40  # seconds until it has given up


class StartupCase(harness.SystemTest):
    """What tests have in common that start what cannot be started."""

    runs = 0

    def run_holdfast(self, *flags, environment=None, redis="127.0.0.1:1", log=None, listen=None):
        """Starts the proxy, which has to end by itself. What it said, in lines, and its exit status."""
        log = log or f"sqlite:{self.directory}/log.db"
        listen = listen or f"127.0.0.1:{harness.free_port()}"
        command = [harness.BUILD / "holdfast", "--listen", listen, "--redis", redis, "--log", log,
                   "--snapshots", self.directory / "snapshots", "--redis-server", harness.redis_server("7.0.15"),
                   "--timeouts-attach-ms", "2000", *flags]
        self.runs += 1
        process = self.process(f"holdfast-{self.runs}", command, environment)
        status = process.wait(LIMIT)
        return [line for line in process.said().splitlines() if line.strip()], status

    def assert_refused(self, *words, status=1, **options):
        """It ends with the status, and its last line, the only error, has all the words."""
        flags = options.pop("flags", ())
        lines, ended = self.run_holdfast(*flags, **options)
        said = "\n".join(lines)
        self.assertEqual(ended, status, said)
        errors = [line for line in lines if " error " in line or line.startswith("holdfast: ")]
        self.assertEqual(len(errors), 1, said)
        self.assertEqual(errors[0], lines[-1], said)
        for word in words:
            self.assertIn(word, errors[0])
        return errors[0]


class StartupTest(StartupCase):
    # --- settings

    def test_wrong_settings(self):
        for flags, words in ((("--timeouts-write-ms", "soon"), ("timeouts-write-ms", "soon")),
                             (("--timeouts-write-ms", "0"), ("timeouts-write-ms",)),
                             (("--limits-clients", "-1"), ("limits-clients",)),
                             (("--log-level", "loud"), ("log-level", "loud")),
                             (("--lissten", "1:2"), ("--lissten", "--listen"))):
            with self.subTest(flags=flags):
                self.assert_refused(*words, flags=flags, status=2)
        self.assert_refused("--log", flags=(), log="mysql:here", status=2)
        self.assert_refused("--redis", flags=(), redis="nowhere", status=2)

    def test_wrong_environment_and_file(self):
        self.assert_refused("HOLDFAST_TIMEOUTS_WRITE_MS", environment={"HOLDFAST_TIMEOUTS_WRITE_MS": "x"}, status=2)
        for text, words in (("[timeouts]\nwrite-msec = 5\n", ("write-msec", "write-ms", "holdfast.toml")),
                            ("[timeouts]\nwrite-ms = \"x\"\n", ("write-ms", "holdfast.toml")),
                            ("[timeouts\n", ("holdfast.toml", "1"))):
            with self.subTest(text=text):
                (self.directory / "holdfast.toml").write_text(text)
                self.assert_refused(*words, flags=("--config", self.directory / "holdfast.toml"), status=2)
        self.assert_refused("absent.toml", flags=("--config", self.directory / "absent.toml"), status=2)

    def test_port_in_use(self):
        redis, other = self.redis(), self.redis(name="other")
        self.assert_refused("in use", "--listen", str(other.port), redis=redis.address, listen=other.address)

    # --- Redis

    def test_no_redis(self):
        self.assert_refused("127.0.0.1:1", "refused")

    def test_not_a_redis(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            def answer():
                connection, _ = server.accept()
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
                connection.close()

            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            self.assert_refused("not answer", redis=f"127.0.0.1:{server.getsockname()[1]}")

    def test_hung_redis(self):
        redis = self.redis()
        redis.pause()
        self.assert_refused("accepts connections", "not answer", redis=redis.address)

    def test_redis_wants_a_password(self):
        redis = self.redis()
        with redis.client() as client:
            client.must("CONFIG", "SET", "requirepass", "secret")
        self.assert_refused("NOAUTH", redis=redis.address)
        self.assert_refused("WRONGPASS", redis=redis.address, environment={"HOLDFAST_REDIS_PASSWORD": "wrong"})

    def test_redis_with_a_limit_of_its_own(self):
        redis = self.redis(options=("--maxmemory", "100mb", "--maxmemory-policy", "noeviction"))
        self.assert_refused("maxmemory", "limits.maxmemory", redis=redis.address)

    def test_redis_with_one_database(self):
        redis = self.redis(options=("--databases", "1"))
        self.assert_refused("databases", redis=redis.address)

    def test_redis_with_a_renamed_command(self):
        redis = self.redis(options=("--rename-command", "REPLICAOF", "HIDDEN"))
        self.assert_refused("REPLICAOF", "unknown command", redis=redis.address)

    def test_replica_of_another(self):
        master, redis = self.redis(name="master"), self.redis()
        with redis.client() as client:
            client.must("REPLICAOF", "127.0.0.1", master.port)
            harness.wait_until(lambda: "master_link_status:up" in client.must("INFO"), "the replica is in step")
        self.assert_refused("replica", "REPLICAOF NO ONE", redis=redis.address)

    def test_data_and_a_log_with_writes(self):
        redis = self.redis()
        with self.holdfast(redis).client() as client:
            client.must("SET", "a", "1")
        self._started[-1].stop()
        other = self.redis(name="other")
        with other.client() as client:
            client.must("SET", "b", "2")
        self.assert_refused("1 key", "mixed", "--discard-redis-data", redis=other.address)
        with other.client() as client:
            self.assertEqual(client.must("KEYS", "*"), ["b"])

    def test_discarding_what_redis_holds(self):
        redis = self.redis()
        proxy = self.holdfast(redis)
        with proxy.client() as client:
            client.must("SET", "a", "1")
        proxy.stop()
        other = self.redis(name="other")
        with other.client() as client:
            client.must("SET", "b", "2")
        with self.holdfast(other, proxy.log, ("--discard-redis-data",), name="discarding").client() as client:
            self.assertEqual(client.must("KEYS", "*"), ["a"])

    def test_key_in_the_reserved_database(self):
        redis = self.redis()
        with redis.client() as client:
            client.must("SELECT", "16")
            client.must("SET", "mine", "1")
        self.assert_refused("1 key", "database 16", redis=redis.address)

    def test_marker_of_another_log(self):
        redis = self.redis()
        first = self.holdfast(redis, name="first")
        with first.client() as client:
            client.must("SET", "a", "1")
        first.stop()
        other = self.redis(name="other")
        second = self.holdfast(other, f"sqlite:{self.directory}/other.db", name="second")
        with second.client() as client:
            client.must("SET", "b", "2")
        second.stop()
        self.assert_refused("another log", "--discard-redis-data", redis=redis.address, log=second.log)
        self.assert_refused("--discard-redis-data", redis=redis.address, log=f"sqlite:{self.directory}/new.db")

    # --- the log

    def write_some(self, log=None, count=50):
        """A Redis and a log with so many batches, and nobody there any more."""
        redis = self.redis()
        proxy = self.holdfast(redis, log)
        with proxy.client() as client:
            for number in range(count):
                client.must("SET", f"key:{number}", number)
        proxy.stop()
        return redis, proxy

    def change_log(self, statement):
        with sqlite3.connect(self.directory / "log.db") as database:
            changed = database.execute(statement).rowcount
        database.close()
        self.assertGreater(changed, 0)

    def test_log_cut_off_behind_the_marker(self):
        redis, proxy = self.write_some()
        self.change_log(f"DELETE FROM {self.entries_table()} WHERE position > 20")
        self.assert_refused("position", "log", redis=redis.address, log=proxy.log)

    def test_damaged_log(self):
        redis, proxy = self.write_some()
        self.change_log(f"UPDATE {self.entries_table()} SET value = CAST(replace(value, 'key:30', 'key:99') AS BLOB) "
                        "WHERE instr(value, 'key:30')")
        redis.kill()
        redis.start()
        self.assert_refused("position 31", "checksum", redis=redis.address, log=proxy.log)

    def test_row_that_holdfast_did_not_write(self):
        """Put in while it is not there, and behind the back of one that runs."""
        for running in (False, True):
            with self.subTest(running=running):
                redis = self.redis(name=f"redis-{running}")
                proxy = self.holdfast(redis, f"sqlite:{self.directory}/log-{running}.db", name=f"proxy-{running}")
                client = proxy.client()
                for number in range(1, 6):
                    self.assertEqual(client.must("INCR", "a"), number)
                if not running:
                    proxy.stop()
                with sqlite3.connect(f"{self.directory}/log-{running}.db") as log:
                    log.execute("INSERT INTO entries SELECT max(position) + 1, x'', CAST('hello' AS BLOB) FROM entries")
                    position, = log.execute("SELECT max(position) FROM entries").fetchone()
                reason = f"the record at position {position} of the log stops this: it was not written by Holdfast"
                if running:
                    try:
                        self.assertIn(str(client.command("INCR", "a")).split()[0], ("UNKNOWN", "NOTWRITTEN"))
                    except OSError:
                        pass  # it has ended
                    self.assertEqual(proxy.wait(), 1)
                    self.assertIn(reason, proxy.said().splitlines()[-1])
                self.assert_refused(reason, redis=redis.address, log=proxy.log)

    def test_log_with_a_hole(self):
        redis, proxy = self.write_some()
        self.change_log(f"DELETE FROM {self.entries_table()} WHERE position = 20")
        redis.kill()
        redis.start()
        self.assert_refused("20", redis=redis.address, log=proxy.log)

    def entries_table(self):
        with sqlite3.connect(self.directory / "log.db") as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                columns = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
                if "position" in columns and "value" in columns:
                    return name
        raise AssertionError("no table of entries")

    def test_not_a_log(self):
        redis = self.redis()
        (self.directory / "log.db").write_bytes(os.urandom(100000))
        self.assert_refused("log.db", redis=redis.address)

    def test_directory_that_is_not_there(self):
        redis = self.redis()
        self.assert_refused("absent", redis=redis.address, log=f"sqlite:{self.directory}/absent/log.db")

    def test_twice_on_one_sqlite_log(self):
        redis, other = self.redis(), self.redis(name="other")
        proxy = self.holdfast(redis)
        with proxy.client() as client:
            client.must("SET", "a", "1")
            self.assert_refused("log.db", redis=other.address, log=proxy.log)
            self.assertEqual(client.must("INCR", "a"), 2)

    # --- adoption

    def test_adoption(self):
        redis = self.redis()
        with redis.client() as client:
            client.pipeline([("SET", f"string:{i}", "v" * i) for i in range(1000)])
            client.pipeline([("HSET", f"hash:{i}", "a", i, "b", "x" * 100) for i in range(500)])
            client.must("SELECT", "7")
            client.must("SET", "expires", "v", "EX", "100000")
            client.must("SET", "soon", "v", "PX", "1")
            client.must("LPUSH", "list", *range(1000))
        proxy = self.holdfast(redis)
        self.assertEqual(len(list(proxy.snapshots.glob("*.rdb"))), 1)
        with proxy.client() as client:
            self.assertEqual(client.must("DBSIZE"), 1500)
            client.must("SELECT", "7")
            self.assertEqual(client.must("INCR", "after"), 1)
            self.assertEqual(client.must("LLEN", "list"), 1000)
        before = contents(redis.port)
        redis.kill()
        redis.start()
        proxy.wait_ready()
        self.assertEqual(differences(before, contents(redis.port)), "")
        proxy.kill()
        redis.kill()
        redis.start()
        proxy.start()
        self.assertEqual(differences(before, contents(redis.port)), "")
        # Another one with data is refused now, and a snapshot that is gone is missed.
        other = self.redis(name="other")
        with other.client() as client:
            client.must("SET", "b", "2")
        self.assertEqual(proxy.stop(), 0)
        self.assert_refused("1 key", redis=other.address, log=proxy.log)
        redis.kill()
        redis.start()
        snapshot, = proxy.snapshots.glob("*.rdb")
        kept = snapshot.read_bytes()
        snapshot.write_bytes(kept[:-100])
        self.assert_refused(snapshot.name, "not what the log says", redis=redis.address, log=proxy.log)
        snapshot.unlink()
        self.assert_refused(snapshot.name, "cannot be opened", redis=redis.address, log=proxy.log)
        snapshot.write_bytes(kept)
        proxy.start()
        self.assertEqual(differences(before, contents(redis.port)), "")

    def test_adoption_broken_off(self):
        """Killed while the snapshot is made: the next one begins again, and nothing half stays."""
        redis = self.redis()
        with redis.client() as client:
            for start in range(0, 200):
                client.must("MSET", *[part for i in range(100) for part in (f"k:{start}:{i}", os.urandom(200))])
        before = contents(redis.port)
        proxy = self.holdfast(redis, wait=False)
        proxy.wait_said("base snapshot")
        proxy.kill()
        proxy.start()
        self.assertEqual(differences(before, contents(redis.port)), "")
        self.assertLessEqual(len(list(proxy.snapshots.iterdir())), 2)
        redis.kill()
        redis.start()
        proxy.wait_ready()
        self.assertEqual(differences(before, contents(redis.port)), "")

    def test_adoption_where_snapshots_cannot_be_written(self):
        redis = self.redis()
        with redis.client() as client:
            client.must("SET", "a", "1")
        (self.directory / "snapshots").write_text("a file")
        self.assert_refused("snapshots", redis=redis.address)
        with redis.client() as client:
            self.assertEqual(client.must("GET", "a"), "1")

    def test_adoption_with_a_server_that_cannot_load_it(self):
        redis = self.redis("8.2.3")
        with redis.client() as client:
            client.must("SET", "a", "1")
        self.assert_refused("base snapshot", "verified", redis=redis.address)


if __name__ == "__main__":
    unittest.main()
