"""The example in examples/flask: each of its routes, with redis-py and with redis-py-cluster, with and without TLS and
users, and that it loses nothing while the servers are killed under it."""
import json
import signal
import ssl
import sys
import threading
import unittest
import urllib.error
import urllib.request

import packages
from certificates import Authority
from client_case import HERE, ClientCase, JobsCase, Secure, harness

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

    def start_service(self, **environ):
        """environ: what is told otherwise than by `where`."""
        self.port = harness.free_port()
        self.service = self.start_program("flask", [environment(self.old) / "python", EXAMPLE / "app.py"],
                                          {"PORT": str(self.port), **environ})
        harness.wait_until(lambda: self.ask("GET", "/ping")[0], "the service answers")

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
                self.wait_served()
                self.check_routes()
                self.service.stop()
                self.proxy.stop()


class SecureFlaskTest(Secure, FlaskTest):
    def refusal(self, method="GET", path="/ping", body=None, **environ):
        """What a service that is told something else than `where` says."""
        self.start_service(**environ)
        status, answer = self.ask(method, path, body)
        self.service.stop()
        self.assertEqual(status, 503, answer)
        return answer["error"]

    def test_who_is_let_in(self):
        self.serve(flags=("--cluster-enabled",))
        with self.sign_in("admin") as admin:
            harness.wait_until(lambda: admin.command("DBSIZE") == 0, "Holdfast serves")
            self.refusal(REDIS_PASSWORD="wrong")
            self.refusal(REDIS_USERNAME="nobody")
            self.refusal(REDIS_PASSWORD="")
            self.refusal(REDIS_SSL="no")
            self.refusal(REDIS_SSL_CA=str(Authority(self.directory, "elsewhere").cert))
            refused = [entry[entry.index("username") + 1] for entry in admin.must("ACL", "LOG")]
            self.assertLess({"app", "nobody"}, {*refused, ""})
        self.start_service()
        self.assertEqual(self.ask("GET", "/ping"), (200, {"pong": True}))

    def test_what_the_user_may_do(self):
        self.serve(flags=("--cluster-enabled",))
        with self.sign_in("admin") as admin:
            admin.must("ACL", "SETUSER", "reader", "on", f">{self.PASSWORD}", "~a*", "+@read", "+@connection", "+ping",
                       "+command", "+cluster|slots", "+info")
        self.start_service(REDIS_USERNAME="reader")
        self.assertEqual(self.ask("GET", "/hashes/a"), (200, {}))
        for method, path, body in (("POST", "/hashes/a", {"b": 1}), ("GET", "/hashes/b", None), ("DELETE", "/keys/a", None)):
            status, answer = self.ask(method, path, body)
            self.assertEqual(status, 503)
            self.assertRegex(answer["error"], "has no permissions|No permissions|no permission")
        self.service.stop()
        with self.sign_in("app") as app:
            for command in (("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("ACL", "LIST"), ("CLUSTER", "RESET")):
                self.assertTrue(str(app.command(*command)).startswith("NOPERM"), command)


class OldClientFlaskTest(FlaskTest):
    old = True

    def test_client(self):
        """redis-py-cluster by itself."""
        self.serve(flags=("--cluster-enabled",))
        self.run_program("redis-py-cluster", [environment(self.old) / "python", HERE / "python" / "redis_cluster.py"])


class OldClientSecureFlaskTest(SecureFlaskTest):
    old = True


class FlaskRunTest(FlaskCase, ClientCase):
    def setUp(self):
        super().setUp()
        self.port, self.redis_port = harness.free_port(), harness.free_port()
        self.data = self.directory / "data"

    def start_run(self, *arguments):
        run = self.process("run", [EXAMPLE / "run", "--port", self.port, "--redis-port", self.redis_port, "--data",
                                   self.data, *arguments])
        harness.wait_until(lambda: not run.is_running() or self.ask("GET", "/ping")[0] == 200, "the service answers",
                           timeout=300)
        return run

    def stop_run(self, run):
        run.send_signal(signal.SIGTERM)
        run.wait()
        self.assertIsNone(self.ask("GET", "/ping")[0])
        with self.assertRaises(OSError):
            harness.Client(self.redis_port)

    def test_one_command_starts_it_all(self):
        run = self.start_run()
        self.check_routes()
        with harness.Client(self.redis_port) as plain, self.assertRaises(ConnectionError):
            plain.command("PING")
        tls = ssl.create_default_context(cafile=self.data / "tls" / "ca.crt")
        with harness.Client(self.redis_port, tls=tls) as client:
            self.assertTrue(str(client.command("GET", "a")).startswith("NOAUTH"))
            self.assertTrue(str(client.command("AUTH", "app", "app")).startswith("WRONGPASS"))
            self.assertEqual(client.command("AUTH", "app", (self.data / "app.password").read_text().strip()), "OK")
            self.assertTrue(str(client.command("FLUSHALL")).startswith("NOPERM"))
        self.stop_run(run)
        # The users are the same, and the certificates.
        run = self.start_run()
        self.assertEqual(self.ask("GET", "/hashes/alan"), (200, {"name": "Alan"}))
        self.stop_run(run)

    def test_without_tls_and_users(self):
        run = self.start_run("--plain")
        self.check_routes()
        with harness.Client(self.redis_port) as client:
            self.assertEqual(client.command("HLEN", "alan"), 1)
        self.stop_run(run)


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
        self.wait_served()
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
        self.verify()


class OldClientFlaskFaultsTest(FlaskFaultsTest):
    old = True


class SecureFlaskFaultsTest(Secure, FlaskFaultsTest):
    """The user is there again after each of them."""


class OldClientSecureFlaskFaultsTest(SecureFlaskFaultsTest):
    old = True


if __name__ == "__main__":
    unittest.main()
