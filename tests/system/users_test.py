"""Users are kept with the log: after every restart, rebuild and recovery they are who they were, and may what they might."""
import contextlib
import signal
import socket
import sqlite3
import subprocess
import threading
import unittest

import harness
from dataset import RawClient


def users_of(client):
    return client.must("ACL", "LIST")


class UsersTest(harness.SystemTest):
    """Rights that were given or taken do not come back or go, whatever dies."""

    BUILD = "7.0.15"

    def begin(self):
        self.behind = self.redis(self.BUILD)
        self.proxy = self.holdfast(self.behind)
        self.client = self.proxy.client(timeout=60)
        self.client.must("ACL", "SETUSER", "admin", "on", ">master", "~*", "&*", "+@all")
        self.client.must("ACL", "SETUSER", "alice", "on", ">pw", "~a*", "+@all", "-del")
        self.client.must("AUTH", "admin", "master")
        self.client.must("ACL", "SETUSER", "default", "reset")
        self.expected = users_of(self.client)
        self.client.must("SET", "a", "1")

    def sign_in(self, user, password):
        client = self.proxy.client(timeout=60)
        client.must("AUTH", user, password)
        return client

    def assert_kept(self):
        admin = self.sign_in("admin", "master")
        self.assertEqual(users_of(admin), self.expected)
        self.assertEqual(admin.must("ACL", "WHOAMI"), "admin")
        with self.proxy.client() as stranger:
            for command in (("GET", "a"), ("AUTH", "default", "x"), ("AUTH", "alice", "wrong"),
                            ("AUTH", "holdfast:proxy", "")):
                self.assertIsInstance(stranger.command(*command), harness.RespError, command)
        alice = self.sign_in("alice", "pw")
        alice.must("INCR", "a")
        self.assertTrue(str(alice.command("DEL", "a")).startswith("NOPERM"))
        self.assertTrue(str(alice.command("GET", "b")).startswith("NOPERM"))
        return admin

    def test_proxy_killed(self):
        self.begin()
        self.proxy.kill()
        self.proxy.start()
        self.assert_kept()
        # Once more, with the marker of a batch behind the users in Redis.
        self.proxy.kill()
        self.proxy.start()
        self.assert_kept()

    def test_redis_killed(self):
        self.begin()
        self.behind.kill()
        self.behind.start()
        harness.wait_until(lambda: self.client.command("GET", "a") == "1", "Redis is back", timeout=20)
        self.assertEqual(users_of(self.client), self.expected)
        self.assert_kept()

    def test_both_killed(self):
        self.begin()
        self.proxy.kill()
        self.behind.kill()
        self.behind.start()
        self.proxy.start()
        self.assert_kept()

    def test_redis_comes_back_with_its_own_save(self):
        """The data with its marker is there, the users are not: they are nowhere but in the log."""
        self.begin()
        self.sign_in("alice", "pw").must("INCR", "a")
        with self.behind.client() as direct:
            direct.must("AUTH", "admin", "master")
            direct.must("SAVE")
        self.proxy.kill()
        self.behind.come_back_with_its_save()
        self.proxy.start()
        self.assert_kept()

    def test_taken_away_while_redis_is_gone(self):
        """Refused or unknown, but never half: what the log says holds when Redis is back."""
        self.begin()
        admin = self.sign_in("admin", "master")
        self.behind.kill()
        reply = admin.command("ACL", "SETUSER", "alice", "off")
        self.behind.start()
        harness.wait_until(lambda: self.client.command("GET", "a") == "1", "Redis is back", timeout=20)
        on = "user alice on" in "\n".join(users_of(self.client))
        if reply == "OK":
            self.assertFalse(on)
        elif str(reply).startswith(("NOTWRITTEN", "LOADING")):
            self.assertTrue(on)
        else:
            self.assertTrue(str(reply).startswith("UNKNOWN"), reply)

    def test_a_dead_leader_leaves_a_script(self):
        """The next one executes it, for nobody has been answered: in the name of who sent it, with no more rights."""
        self.begin()
        alice = self.sign_in("alice", "pw")
        for command in (("MULTI",), ("EVAL", "redis.pcall('SET', 'b', 'x') redis.call('SET', 'a', 'from the tail')", "0")):
            alice.must(*command)
        before = self.entries()
        self.behind.child.send_signal(signal.SIGSTOP)
        alice.send("EXEC")
        harness.wait_until(lambda: self.entries() > before, "the script is in the log")
        self.proxy.kill()
        self.behind.kill()
        self.behind.start()
        self.proxy.start()
        admin = self.sign_in("admin", "master")
        self.assertEqual(admin.must("MGET", "a", "b"), ["from the tail", None])

    def entries(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.directory}/log.db?mode=ro", uri=True)) as log:
            return log.execute("SELECT count(*) FROM entries WHERE CAST(header AS TEXT) LIKE 'hf1 B %'").fetchone()[0]

    def test_no_password_is_to_be_found(self):
        """Neither in the log, nor in what is logged for people, nor in INFO."""
        self.begin()
        self.sign_in("admin", "master").must("ACL", "SETUSER", "bob", "on", ">extremely-secret", "allkeys", "+@all")
        self.sign_in("bob", "extremely-secret")
        with self.proxy.client() as stranger:
            self.assertIsInstance(stranger.command("AUTH", "bob", "extremely-secret-too"), harness.RespError)
        self.proxy.stop()
        for file in self.directory.rglob("*"):
            if file.is_file():
                self.assertNotIn(b"extremely-secret", file.read_bytes(), file)

    def test_the_log_shows_them(self):
        self.begin()
        self.proxy.stop()
        shown = subprocess.run([harness.BUILD / "holdfast-recover", "inspect", "--log", self.proxy.log],
                               capture_output=True, text=True, check=True).stdout
        self.assertRegex(shown, r"user alice on .*#")


class EarlyClientsTest(harness.SystemTest):
    """Who connects before it is known who may do what gets nothing of the rights that hold until then."""

    def begin(self, flags=(), environment=None):
        self.behind = self.redis()
        self.proxy = self.holdfast(self.behind, flags=flags, environment=environment, wait=False)
        self.assert_nobody_gets_in()
        self.proxy.kill()
        self.proxy.start(wait=False)
        self.assert_nobody_gets_in()
        for _ in range(5):
            self.behind.kill()
            start = threading.Timer(0.1, self.behind.start)
            start.start()
            self.assert_nobody_gets_in(start)

    def assert_nobody_gets_in(self, before=None):
        """Clients that come all the time, from before Holdfast serves to when it does. before: a thread that ends
        before that."""
        clients = []

        def come():
            with contextlib.suppress(ConnectionRefusedError):
                clients.append(self.proxy.client())
                clients[-1].send("SET", "a", "1")
                clients[-1].send("ACL", "WHOAMI")
            with contextlib.suppress(BlockingIOError):
                if len(clients) > 20 and not (before and before.is_alive()):
                    clients[-20].socket.setblocking(False)
                    return clients[-20].socket.recv(1, socket.MSG_PEEK)
            return None

        harness.wait_until(come, "clients are answered", interval=0.0002)
        for client in clients:
            client.socket.settimeout(30)
            for _ in range(2):
                self.assertRegex(str(client.read()), "^NOAUTH")
            client.close()

    def test_requirepass(self):
        self.begin(environment={"HOLDFAST_USERS_REQUIREPASS": "secret"})

    def test_file(self):
        users = self.directory / "users.acl"
        users.write_text("user default off nopass ~* &* +@all\nuser admin on >master ~* &* +@all\n")
        self.begin(("--users-file", users))


class UsersOfOldRedisTest(UsersTest):
    BUILD = "6.2.5"


class UsersOfNewRedisTest(UsersTest):
    BUILD = "8.2.3"


class UsersOfValkeyTest(UsersTest):
    BUILD = "valkey-9.1.2"


class FirstStartTest(harness.SystemTest):
    def test_who_came_too_early_needs_the_password_too(self):
        """Redis's own users are open, but they are not those that hold."""
        behind = self.redis()
        behind.kill()
        proxy = self.holdfast(behind, wait=False, environment={"HOLDFAST_USERS_REQUIREPASS": "secret"},
                              flags=("--timeouts-read-ms", "60000"))
        proxy.wait_said("listening")
        with proxy.client() as early:
            early.send("GET", "a")
            behind.start()
            self.assertIn("NOAUTH", str(early.read()))
            self.assertIn("NOAUTH", str(early.command("SET", "a", "1")))
            self.assertEqual(early.must("AUTH", "secret"), "OK")


class PasswordsTest(harness.SystemTest):
    def test_are_not_told(self):
        """Only hashes are kept, whatever way a password came."""
        proxy = self.holdfast(self.redis(), environment={"HOLDFAST_USERS_REQUIREPASS": "first-secret"})
        with proxy.client() as client:
            client.must("AUTH", "first-secret")
            for password in ("second-secret", ""):
                self.assertEqual(client.must("CONFIG", "GET", "requirepass"), ["requirepass", ""])
                client.must("CONFIG", "SET", "requirepass", password)
            self.assertEqual(client.must("CONFIG", "GET", "requirepas*"), ["requirepass", ""])
        self.assertNotIn("-secret", proxy.said())


class WrongPasswordTest(harness.EveryBuild, harness.SystemTest):
    """Redis 7.2 to 8.2 does not answer a wrong password behind replies that wait to be sent. Holdfast must."""

    ROUNDS = 200
    WRONG = "WRONGPASS invalid username-password pair or user is disabled."

    def on_build(self, build):
        proxy = self.holdfast(self.redis(build))
        with proxy.client() as admin:
            admin.must("ACL", "SETUSER", "alice", "on", ">pw", "~a*", "+get")
            admin.must("MSET", "a", "1", "b", "2")
        ended = []

        def guess():
            with proxy.client() as client:
                for _ in range(self.ROUNDS):
                    got = client.pipeline([("GET", "a"), ("AUTH", "alice", "wrong"), ("GET", "b"), ("ACL", "WHOAMI"),
                                           ("AUTH", "alice", "pw"), ("GET", "a"), ("RESET",)])
                    self.assertEqual([str(reply) for reply in got], ["1", self.WRONG, "2", "default", "OK", "1", "RESET"])
            ended.append(True)

        threads = [threading.Thread(target=guess) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(ended), len(threads))
        self.assertNotIn("Redis is lost", proxy.said())


if __name__ == "__main__":
    unittest.main()
