"""./run, as a user starts, stops and kills it."""
import os
import re
import signal
import subprocess
import unittest
from pathlib import Path

import harness


class RunTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.port = harness.free_port()
        self.data = self.directory / "data"
        self.runs = 0

    def start_run(self, *arguments, wait=True):
        self.runs += 1
        command = [harness.ROOT / "run", "--port", self.port, "--data", self.data, *arguments]
        process = self.process(f"run-{self.runs}", command)
        # Whatever comes of the test, nothing that this run started may stay.
        self.addCleanup(self.end_leftovers)
        if wait:
            process.wait_said("Ctrl-C stops it", timeout=300)
        return process

    def leftovers(self):
        """The processes that work on the test's data directory, ./run aside."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                arguments = Path(f"/proc/{entry}/cmdline").read_bytes()
                zombie = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if os.fsencode(self.data) in arguments and not zombie:
                found.append(int(entry))
        return found

    def end_leftovers(self):
        while pids := self.leftovers():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def client(self):
        return harness.Client(self.port)

    def pid_of(self, name):
        return int((self.data / name).read_text())

    def assert_ends(self, process, status):
        self.assertEqual(process.wait(timeout=90), status, process.said())
        self.assertEqual(self.leftovers(), [])

    def outlives_kill(self, *arguments):
        run = self.start_run(*arguments)
        self.assertEqual(self.client().command("SET", "a", "1"), "OK")
        os.kill(self.pid_of("redis/redis.pid"), signal.SIGKILL)
        os.kill(self.pid_of("holdfast.pid"), signal.SIGKILL)
        self.assert_ends(run, 128 + signal.SIGKILL)
        run = self.start_run(*arguments)
        self.assertEqual(self.client().command("GET", "a"), "1")
        return run

    def test_data_outlives_kill_of_proxy_and_redis(self):
        run = self.outlives_kill()
        run.send_signal(signal.SIGTERM)
        self.assert_ends(run, 0)

    def test_data_outlives_kill_of_proxy_and_redis_with_kafka(self):
        run = self.outlives_kill("--kafka")
        (command,) = re.findall(r"kcat (.*)", run.said())
        feed = self.process("kcat", ["kcat", *command.split(), "-e"])
        self.assertEqual(feed.wait(), 0)
        self.assertIn("SET", feed.said())
        run.send_signal(signal.SIGINT)
        self.assert_ends(run, 0)

    def test_a_redis_that_dies_is_replaced(self):
        run = self.start_run()
        self.assertEqual(self.client().command("SET", "a", "1"), "OK")
        os.kill(self.pid_of("redis/redis.pid"), signal.SIGKILL)
        run.wait_said("Redis has ended")
        harness.wait_until(lambda: self.client().command("GET", "a") == "1", "the new Redis has the data")

    def test_what_a_killed_run_left_is_taken_over(self):
        run = self.start_run()
        self.assertEqual(self.client().command("SET", "a", "1"), "OK")
        redis = self.pid_of("redis/redis.pid")
        run.kill()
        run = self.start_run()
        self.assertEqual(self.client().command("GET", "a"), "1")
        self.assertEqual(self.pid_of("redis/redis.pid"), redis)
        run.send_signal(signal.SIGTERM)
        self.assert_ends(run, 0)

    def test_tls(self):
        run = self.start_run("--tls")
        (arguments,) = re.findall(r"redis-cli (.*) set a 1", run.said())
        for _ in range(2):
            command = ["redis-cli", *arguments.split(), "incr", "a"]
            done = subprocess.run(command, capture_output=True, text=True, cwd=self.directory, check=False)
            self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout, "2\n")
        self.assertNotIn("USER", run.said())
        with self.client() as plain, self.assertRaises(ConnectionError):
            plain.command("PING")
        run.send_signal(signal.SIGTERM)
        self.assert_ends(run, 0)
        # Who trusts the CA can go on.
        authority = (self.data / "tls" / "ca.crt").read_bytes()
        self.start_run("--tls")
        self.assertEqual((self.data / "tls" / "ca.crt").read_bytes(), authority)

    def test_stopping_in_the_middle_of_the_start_leaves_nothing(self):
        for text in ("starting three Kafka brokers", "Ctrl-C stops it"):
            with self.subTest(text):
                run = self.start_run("--kafka", wait=False)
                run.wait_said(text, timeout=300)
                run.send_signal(signal.SIGTERM)
                run.wait(timeout=90)
                self.assertEqual(self.leftovers(), [])

    def test_a_second_run_on_the_same_data_is_refused(self):
        self.start_run()
        second = self.process("second", [harness.ROOT / "run", "--port", harness.free_port(), "--data", self.data])
        self.assertEqual(second.wait(), 1)
        self.assertIn("another ./run uses", second.said())

    def test_a_port_in_use_is_said(self):
        self.start_run()
        second = self.process("second", [harness.ROOT / "run", "--port", self.port, "--data", self.directory / "other"])
        self.assertEqual(second.wait(), 1)
        self.assertIn(f"cannot listen on 127.0.0.1:{self.port}: Address already in use", second.said())

    def test_an_existing_redis_keeps_its_data_and_runs_on(self):
        redis = self.redis()
        self.assertEqual(redis.client().command("SET", "old", "data"), "OK")
        run = self.start_run("--redis", redis.address)
        self.assertEqual(self.client().command("GET", "old"), "data")
        run.send_signal(signal.SIGTERM)
        self.assert_ends(run, 0)
        self.assertTrue(redis.answers())

    def test_wrong_options_are_refused(self):
        for options in (["--bogus"], ["--port", "99999"], ["--port"], ["--redis", "/nonexistent"]):
            with self.subTest(options):
                process = self.process("wrong", [harness.ROOT / "run", "--data", self.data, *options])
                self.assertNotEqual(process.wait(), 0)
                self.assertRegex(process.said(), "(?m)^run: ")


if __name__ == "__main__":
    unittest.main()
