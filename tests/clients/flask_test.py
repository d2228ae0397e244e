"""The example in examples/flask: each of its routes, with redis-py and with redis-py-cluster, and that it loses nothing
while the servers are killed under it."""
import json
import signal
import sys
import threading
import unittest
import urllib.error
import urllib.request

import packages
from client_case import HERE, ClientCase, JobsCase, harness
from dataset import verify

EXAMPLE = harness.ROOT / "examples" / "flask"


def environment(old):
    """The virtual environment with the example's packages."""
    wanted = EXAMPLE / f"requirements{'-redis-py-cluster' if old else ''}.txt"

    def install(directory):
        packages.run(sys.executable, "-m", "venv", directory)
        packages.run(directory / "bin" / "pip", "install", "--requirement", wanted)

    return packages.bring(f"flask{sys.version_info.major}.{sys.version_info.minor}", [wanted], install) / "bin"


class FlaskCase:
    """Speaks to the service."""

    old = False

    def start_service(self):
        self.port = harness.free_port()
        self.service = self.start_program("flask", [environment(self.old) / "python", EXAMPLE / "app.py"],
                                          {"PORT": str(self.port)})
        self.wait_served()

    def wait_served(self):
        harness.wait_until(lambda: self.ask("GET", "/ping") == (200, {"pong": True}), "the service answers")

    def ask(self, method, path, body=None):
        """The status and the answer; None for the status: no connection."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError as error:
            return None, str(error)

    def check_routes(self):
        self.assertEqual(self.ask("GET", "/keys"), (200, []))
        self.assertEqual(self.ask("POST", "/hashes/ada", {"name": "Ada", "born": 1815}), (200, {"added": 2}))
        self.assertEqual(self.ask("POST", "/hashes/alan", {"name": "Alan"}), (200, {"added": 1}))
        self.assertEqual(self.ask("POST", "/hashes/ada", {"born": 1816, "died": 1852}), (200, {"added": 1}))
        self.assertEqual(self.ask("GET", "/hashes/ada"), (200, {"name": "Ada", "born": "1816", "died": "1852"}))
        self.assertEqual(self.ask("GET", "/hashes/nobody"), (200, {}))
        self.assertEqual(self.ask("POST", "/hashes/ada", [])[0], 400)
        self.assertEqual(self.ask("GET", "/keys"), (200, ["ada", "alan"]))
        self.assertEqual(self.ask("DELETE", "/keys/ada"), (200, {"deleted": 1}))
        self.assertEqual(self.ask("DELETE", "/keys/ada"), (200, {"deleted": 0}))
        self.assertEqual(self.ask("GET", "/keys"), (200, ["alan"]))


class FlaskTest(FlaskCase, ClientCase):
    def test_routes(self):
        for build in harness.REDIS_BUILDS:
            with self.subTest(build=build):
                self.serve(build, ("--cluster-enabled",))
                self.start_service()
                self.check_routes()
                self.service.stop()
                self.proxy.stop()


class OldClientFlaskTest(FlaskTest):
    old = True

    def test_client(self):
        """redis-py-cluster by itself."""
        self.serve(flags=("--cluster-enabled",))
        self.run_program("redis-py-cluster", [environment(self.old) / "python", HERE / "python" / "redis_cluster.py"])


class FlaskRunTest(FlaskCase, ClientCase):
    def test_one_command_starts_it_all(self):
        self.port, redis_port = harness.free_port(), harness.free_port()
        data = self.directory / "data"
        run = self.process("run", [EXAMPLE / "run", "--port", self.port, "--redis-port", redis_port, "--data", data])
        harness.wait_until(lambda: run.is_running() and self.ask("GET", "/ping")[0] == 200, "the service answers", timeout=300)
        self.check_routes()
        run.send_signal(signal.SIGTERM)
        run.wait()
        self.assertIsNone(self.ask("GET", "/ping")[0])
        with self.assertRaises(OSError):
            harness.Client(redis_port)


class FlaskFaultsTest(FlaskCase, JobsCase):
    """What the service has answered with 200 is there afterwards, whatever was killed."""

    HASHES = 1500
    WRITERS = 3

    def write(self, first):
        """Every WRITERS-th hash, each until it is acknowledged."""
        for number in range(first, self.HASHES, self.WRITERS):
            while self.ask("POST", f"/hashes/{number}", {"number": number, "text": "x"})[0] != 200:
                if self.over.wait(0.05):
                    return
            self.acknowledged[number] = True

    def test_nothing_is_lost(self):
        self.serve(flags=("--cluster-enabled",))
        self.start_service()
        self.acknowledged, self.over = {}, threading.Event()
        writers = [threading.Thread(target=self.write, args=(first,), daemon=True) for first in range(self.WRITERS)]
        for writer in writers:
            writer.start()
        try:
            self.kill_now_and_then(lambda: len(self.acknowledged), self.HASHES)
        finally:
            self.over.set()
        for writer in writers:
            writer.join()
        self.wait_served()
        for number in range(self.HASHES):
            self.assertEqual(self.ask("GET", f"/hashes/{number}"), (200, {"number": str(number), "text": "x"}))
        # redis-py does not try SCAN again by itself, and the connection may be one of before a kill.
        keys = harness.wait_until(lambda: [keys for status, keys in [self.ask("GET", "/keys")] if status == 200], "the keys")
        self.assertEqual(len(keys[0]), self.HASHES)
        self.service.stop()
        verify(self.proxy, self.behind)


class OldClientFlaskFaultsTest(FlaskFaultsTest):
    old = True


if __name__ == "__main__":
    unittest.main()
