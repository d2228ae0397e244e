"""TLS: for clients, to Redis, at the feed; who is let in and who is not; certificates that are replaced."""
import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import unittest

import harness
from certificates import Authority, Identity
from dataset import RawClient, contents, differences
from faults_test import MIB, resident


class TlsCase(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.directory)
        self.server = self.authority.issue("server")

    def server_flags(self, *more):
        return ("--tls-cert-file", self.server.cert, "--tls-key-file", self.server.key, "--tls-ca-cert-file",
                self.authority.cert, *more)

    def begin(self, *flags, auth="no"):
        """A proxy with both ports; returns a client at the plain one."""
        self.behind = self.redis()
        self.port = harness.free_port()
        self.proxy = self.holdfast(self.behind, flags=(
            *self.server_flags("--tls-listen", f"127.0.0.1:{self.port}", "--tls-auth-clients", auth), *flags))
        return self.proxy.client(timeout=60)

    def secure(self, own=None, kind=harness.Client, **options):
        return kind(self.port, tls=self.authority.trusting(own), **options)

    def outcome(self, context):
        """What becomes of a PING: PONG, or why not."""
        try:
            with harness.Client(self.port, tls=context, timeout=20) as client:
                return client.command("PING")
        except OSError as error:
            return str(error)

    @staticmethod
    def wait_for_clients(plain, count):
        harness.wait_until(lambda: len(plain.must("CLIENT", "LIST").splitlines()) == count, f"{count} clients are left")

    def s_client(self, *arguments, typed="PING\r\n"):
        """Connects with openssl s_client, which says much about the connection."""
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-CAfile",
                               str(self.authority.cert), *arguments], input=typed, capture_output=True, text=True,
                              timeout=30, check=False)
        return done.stdout + done.stderr


class ClientsTest(TlsCase):
    def test_side_by_side(self):
        plain = self.begin()
        with self.secure() as secure:
            self.assertEqual(secure.must("SET", "a", "1"), "OK")
            self.assertEqual(plain.must("INCR", "a"), 2)
            self.assertEqual(secure.must("GET", "a"), "2")
            self.assertEqual(len(plain.must("CLIENT", "LIST").splitlines()), 2)
            self.assertEqual(secure.pipeline([("INCR", "n")] * 10000), list(range(1, 10001)))
        self.assertIn(f"127.0.0.1:{self.proxy.port} and 127.0.0.1:{self.port} (TLS)", self.proxy.said())

    def test_redis_cli(self):
        self.begin(auth="yes")
        own = self.authority.issue("alice")
        done = subprocess.run(["redis-cli", "--tls", "-p", str(self.port), "--cacert", self.authority.cert, "--cert",
                               own.cert, "--key", own.key, "INCRBY", "a", "7"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.stdout, "7\n", done.stderr)

    def test_redis_cli_in_a_cluster_as_a_user(self):
        users = self.directory / "users.acl"
        users.write_text("user default off\nuser app on >sesame ~* &* +@all -@dangerous +info +cluster\n")
        proxy = self.holdfast(self.redis(), flags=self.server_flags(
            "--tls-auth-clients", "no", "--cluster-enabled", "--users-file", users), tls=self.authority.trusting())

        def cli(*command, password="sesame", typed=""):
            """What it prints, and what it says in other ways."""
            done = subprocess.run(["redis-cli", "--tls", "--cacert", self.authority.cert, "-p", str(proxy.port), "-c",
                                   *(("--user", "app", "--pass", password) if password else ()), *command],
                                  input=typed, capture_output=True, text=True, timeout=30, check=False)
            return done.stdout, done.stderr

        harness.wait_until(lambda: cli("DBSIZE")[0].strip() == "0", "Holdfast serves")
        warning = "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n"
        self.assertEqual(cli("SET", "k", "v"), ("OK\n", warning))
        self.assertEqual(cli("--no-auth-warning", "GET", "k"), ("v\n", ""))
        self.assertEqual(cli("--no-auth-warning", "--raw", typed="ACL WHOAMI\nINCR n\nMGET {n}a {n}b\nCLUSTER KEYSLOT k\n"),
                         ("app\n1\n\n\n7629\n", ""))
        self.assertRegex(cli("CLUSTER", "SLOTS")[0], rf"^0\n16383\n127.0.0.1\n{proxy.port}\n")
        self.assertRegex(cli("--no-auth-warning", "FLUSHALL")[0], "^NOPERM ")
        said, warned = cli("GET", "k", password="wrong")
        self.assertRegex(said, "^NOAUTH ")
        self.assertIn("AUTH failed: WRONGPASS ", warned)
        self.assertRegex(cli("GET", "k", password="")[0], "^NOAUTH ")
        check = cli("--cluster", "check", f"127.0.0.1:{proxy.port}")[0]
        self.assertIn("[OK] All 16384 slots covered.", check)

    def test_user_by_certificate(self):
        self.begin("--tls-auth-clients-user", "CN", auth="optional")
        with self.proxy.client() as admin:
            admin.must("ACL", "SETUSER", "alice", "on", ">pw", "~a*", "+@all")
        for own, name in ((self.authority.issue("alice"), "alice"), (self.authority.issue("nobody"), "default"),
                          (None, "default")):
            with self.secure(own) as client:
                self.assertEqual(client.must("ACL", "WHOAMI"), name)

    def test_tls_alone(self):
        own = self.authority.issue("alice")
        proxy = self.holdfast(self.redis(), flags=self.server_flags(), tls=self.authority.trusting(own))
        with proxy.client() as client:
            self.assertEqual(client.must("SET", "a", "1"), "OK")
        with harness.Client(proxy.port) as plain, self.assertRaises(ConnectionError):
            plain.command("PING")

    def test_client_certificates(self):
        good, revoked = self.authority.issue("good"), self.authority.issue("revoked")
        expired = self.authority.issue("expired", expired=True)
        stranger = Authority(self.directory, "elsewhere").issue("good")
        revocations = self.authority.revoke(revoked)
        shown = {"good": good, "none": None, "expired": expired, "stranger": stranger, "revoked": revoked}

        def outcomes(*flags, auth):
            plain = self.begin("--tls-crl-file", revocations, *flags, auth=auth)
            found = {name: self.outcome(self.authority.trusting(own)) for name, own in shown.items()}
            self.wait_for_clients(plain, 1)
            self.proxy.stop()
            self.behind.kill()
            return found

        found = outcomes(auth="yes")
        self.assertEqual(found["good"], "PONG")
        self.assertIn("certificate required", found["none"])
        self.assertIn("certificate expired", found["expired"])
        self.assertIn("unknown ca", found["stranger"])
        self.assertIn("certificate revoked", found["revoked"])
        found = outcomes(auth="optional")
        self.assertEqual([name for name in found if found[name] == "PONG"], ["good", "none"])
        self.assertEqual(set(outcomes(auth="no").values()), {"PONG"})

    def test_what_is_no_tls(self):
        plain = self.begin()
        for garbage in (b"PING\r\n", harness.encode(("SET", "a", "1")), b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000),
                        b"\x16\x03\x01\xff\xff" + os.urandom(100)):
            for _ in range(50):
                with RawClient(self.port, timeout=20) as hostile:
                    with contextlib.suppress(ConnectionError):
                        hostile.send_raw(garbage + b"\r\n")
                    answer = hostile.read_to_end()
                    self.assertLess(len(answer), 10)  # an alert at most
        self.assertIsNone(plain.must("GET", "a"))
        self.assertEqual(len(plain.must("CLIENT", "LIST").splitlines()), 1)
        said = re.findall(r"\[?info\]? TLS with .* failed: .*", self.proxy.said())
        self.assertGreater(len(said), 0)
        self.assertLess(len(said), 10)

    def test_protocols_and_ciphers(self):
        self.begin("--tls-ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384", "--tls-ciphersuites",
                   "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256", "--tls-prefer-server-ciphers")
        self.assertIn("Cipher is TLS_AES_128_GCM_SHA256", self.s_client("-tls1_3"))
        self.assertIn("Cipher is TLS_CHACHA20_POLY1305_SHA256",
                      self.s_client("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"))
        self.assertIn("alert handshake failure",
                      self.s_client("-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"))
        self.assertIn("Cipher is ECDHE-ECDSA-AES256-GCM-SHA384", self.s_client("-tls1_2"))
        self.assertIn("alert handshake failure", self.s_client("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"))
        for old in ("-tls1_1", "-tls1"):
            self.assertIn("alert protocol version", self.s_client(old, "-cipher", "ALL:@SECLEVEL=0"))

    def test_one_protocol(self):
        self.begin("--tls-protocols", "TLSv1.3")
        self.assertIn("alert protocol version", self.s_client("-tls1_2"))
        self.assertIn("New, TLSv1.3", self.s_client("-tls1_3"))

    def test_sessions_are_resumed(self):
        def reused():
            context = self.authority.trusting()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with harness.Client(self.port, tls=context) as first:
                session = first.socket.session
            with socket.create_connection(("127.0.0.1", self.port)) as plain:
                with context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as second:
                    return second.session_reused

        self.begin()
        self.assertTrue(reused())
        self.proxy.stop()
        self.behind.kill()
        self.begin("--tls-session-caching=no")
        self.assertFalse(reused())

    def test_ends_are_told(self):
        """By TLS's own words, without which a client takes it for an attack."""
        self.begin()
        with self.secure(kind=RawClient) as client:
            client.send_raw(harness.encode(("SET", "a", "x" * MIB)) + b"GET a\r\nQUIT\r\n")
            self.assertEqual(client.read_to_end(), b"+OK\r\n$%d\r\n%s\r\n+OK\r\n" % (MIB, b"x" * MIB))
        with self.secure(kind=RawClient) as client, self.secure() as silent:
            client.command("PING")
            silent.must("PING")
            self.assertEqual(self.proxy.stop(), 0)
            self.assertEqual(client.read_to_end(), b"")

    def test_client_that_ends_first(self):
        """It is still answered."""
        self.begin()
        wire = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.addCleanup(wire.close)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.authority.trusting().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")

        def until_done(call):
            while True:
                try:
                    result = call()
                    wire.sendall(outgoing.read())
                    return result
                except ssl.SSLWantReadError:
                    wire.sendall(outgoing.read())
                    if data := wire.recv(100_000):
                        incoming.write(data)
                    else:
                        incoming.write_eof()

        until_done(client.do_handshake)
        client.write(b"SET a 1\r\n" * 1000)
        with contextlib.suppress(ssl.SSLWantReadError):
            client.unwrap()
        answers = b""
        while len(answers) < 5000:
            answers += until_done(lambda: client.read(10000))
        self.assertEqual(answers, b"+OK\r\n" * 1000)
        with self.assertRaises(ssl.SSLZeroReturnError):
            until_done(lambda: client.read(1))

    def test_changed_while_it_runs(self):
        """CONFIG SET tls-…: for connections from now on; those that are there go on."""
        plain = self.begin()
        trusting, own = self.authority.trusting(), self.authority.trusting(self.authority.issue("alice"))
        with self.secure() as before:
            before.must("SET", "a", "1")
            self.assertEqual(plain.must("CONFIG", "GET", "tls-auth-clients")[1], "no")
            self.assertEqual(plain.must("CONFIG", "GET", "tls-port")[1], str(self.port))
            plain.must("CONFIG", "SET", "tls-auth-clients", "yes")
            self.assertIn("certificate required", self.outcome(trusting))
            self.assertEqual(self.outcome(own), "PONG")
            plain.must("CONFIG", "SET", "tls-auth-clients", "no", "tls-protocols", "TLSv1.3")
            self.assertIn("alert protocol version", self.s_client("-tls1_2"))
            self.assertEqual(self.outcome(trusting), "PONG")

            # What cannot be used changes nothing.
            for name, value, why in (("tls-cert-file", "/nowhere", "Unable to update TLS configuration"),
                                     ("tls-protocols", "SSLv3", "Unable to update TLS configuration"),
                                     ("tls-auth-clients", "maybe", "must be one of the following"),
                                     ("tls-port", "65536", "between 0 and 65535"), ("tls-port", "1", "Unable to listen")):
                if name == "tls-port" and value == "1" and os.geteuid() == 0:
                    value = str(self.behind.port)  # who is root may listen on any port that is free
                refusal = str(plain.command("CONFIG", "SET", name, value, "timeout", "77"))
                self.assertIn(f"argument '{name}') - ", refusal)
                self.assertIn(why, refusal)
            self.assertEqual(plain.must("CONFIG", "GET", "timeout")[1], "0")
            self.assertEqual(self.outcome(trusting), "PONG")

            # A stranger's certificate, which the file check would not take back.
            stranger = Authority(self.directory, "stranger").issue("other")
            plain.must("CONFIG", "SET", "tls-cert-file", stranger.cert, "tls-key-file", stranger.key)
            self.assertIn("certificate verify failed", self.outcome(trusting))
            plain.must("CONFIG", "SET", "tls-cert-file", self.server.cert, "tls-key-file", self.server.key)

            # Elsewhere, nowhere, and back.
            here, there = self.port, harness.free_port()
            plain.must("CONFIG", "SET", "tls-port", there)
            self.assertIn("refused", self.outcome(trusting))
            self.port = there
            self.assertEqual(self.outcome(trusting), "PONG")
            before.must("CONFIG", "SET", "tls-port", "0")
            self.assertIn("refused", self.outcome(trusting))
            before.must("CONFIG", "SET", "tls-port", here)
            self.port = here
            self.assertEqual(self.outcome(trusting), "PONG")
            self.assertEqual(before.must("GET", "a"), "1")

    def test_value_of_64_mb(self):
        self.begin("--timeouts-write-ms", "60000", "--timeouts-read-ms", "60000")
        value = os.urandom(MIB) * 64
        with self.secure(kind=RawClient, timeout=60) as client:
            self.assertEqual(client.command("SET", "huge", value), b"+OK\r\n")
            self.assertTrue(client.command("GET", "huge") == b"$%d\r\n%s\r\n" % (len(value), value))
            self.assertEqual(client.command("PING"), b"+PONG\r\n")

    def test_client_that_never_reads(self):
        plain = self.begin("--limits-client-output-bytes", "8MiB")
        plain.must("SET", "big", "x" * MIB)
        plain.must("GET", "big")
        before = resident(self.proxy)
        deaf = self.secure(kind=RawClient)
        deaf.socket.settimeout(2)
        requests = harness.encode(("GET", "big")) * 1000
        with contextlib.suppress(TimeoutError):
            for _ in range(1000):
                deaf.send_raw(requests)  # until nothing more is read from it
            self.fail("everything is read from it")
        for _ in range(200):
            plain.must("INCR", "counter")
            plain.must("GET", "big")
        peak = resident(self.proxy, "VmHWM")
        self.assertLess(peak - before, 200 * MIB, f"{before // MIB} MiB before, {peak // MIB} MiB at most")
        deaf.close()
        self.wait_for_clients(plain, 1)

    def test_slow_reader_gets_everything(self):
        self.begin("--limits-client-output-bytes", "1MiB")
        value = os.urandom(300_000)
        with self.secure(kind=RawClient, timeout=60) as slow:
            slow.command("SET", "a", value)
            slow.send_raw(harness.encode(("GET", "a")) * 100)
            with self.secure() as other:
                for _ in range(100):
                    other.must("INCR", "counter")
            for _ in range(100):
                self.assertTrue(slow.read() == b"$%d\r\n%s\r\n" % (len(value), value))


class HandshakeTest(TlsCase):
    def half_open(self, sent=b""):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.addCleanup(client.close)
        client.sendall(sent)
        return client

    @staticmethod
    def client_hello():
        """What a client says first."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context()
        with contextlib.suppress(ssl.SSLWantReadError):
            context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
        return outgoing.read()

    def test_that_never_finish(self):
        plain = self.begin("--timeouts-handshake-ms", "300")
        hello = self.client_hello()
        half = [self.half_open(sent) for sent in (b"", hello[:1], hello[:100], hello)]
        for client in half:
            with contextlib.suppress(ConnectionResetError):
                while client.recv(10000):
                    pass
        self.assertEqual(len(plain.must("CLIENT", "LIST").splitlines()), 1)
        self.assertIn("no agreement within timeouts.handshake-ms", self.proxy.said())
        with self.secure() as client:
            self.assertEqual(client.must("PING"), "PONG")

    def test_that_never_finish_keep_nobody_out(self):
        plain = self.begin("--limits-clients", "5", "--timeouts-handshake-ms", "60000")
        half = [self.half_open() for _ in range(20)]
        with self.secure() as client, self.proxy.client() as another:
            self.assertEqual(client.must("PING"), "PONG")
            self.assertEqual(another.must("PING"), "PONG")
            self.assertEqual(half[0].recv(1), b"")
            self.assertEqual(len(plain.must("CLIENT", "LIST").splitlines()), 3)

    def test_too_many_clients(self):
        plain = self.begin("--limits-clients", "2")
        # The client that found it ready may still be there.
        harness.wait_until(lambda: self.outcome(self.authority.trusting()) == "PONG", "there is room")
        self.wait_for_clients(plain, 1)
        with self.secure() as client:
            client.must("PING")
            self.assertNotEqual(self.outcome(self.authority.trusting()), "PONG")
            self.assertEqual(plain.must("PING"), "PONG")


class ReloadTest(TlsCase):
    def setUp(self):
        super().setUp()
        # Files of their own, to be replaced.
        issued, self.server = self.server, Identity(self.directory / "used.crt", self.directory / "used.key")
        self.put(issued)

    def put(self, identity):
        """Puts it in the place of the server's certificate, each file at once."""
        for source, target in ((identity.cert, self.server.cert), (identity.key, self.server.key)):
            fresh = target.with_suffix(".new")
            shutil.copy(source, fresh)
            fresh.rename(target)

    def shown_serial(self):
        with self.secure() as client:
            return int(client.socket.getpeercert()["serialNumber"], 16)

    def test_under_load(self):
        self.begin()
        done = threading.Event()
        counts, failures = [0] * 4, []

        def load(number):
            try:
                with self.secure() as client:
                    while not done.is_set():
                        counts[number] += 1
                        if client.must("INCR", f"n:{number}") != counts[number]:
                            raise AssertionError("a reply is wrong")
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)

        threads = [threading.Thread(target=load, args=(number,)) for number in range(len(counts))]
        for thread in threads:
            thread.start()
        for way in ("SIGHUP", "files"):
            for _ in range(2):
                fresh = self.authority.issue("server", file="fresh")
                self.assertNotEqual(self.shown_serial(), fresh.serial())
                self.put(fresh)
                if way == "SIGHUP":
                    self.proxy.send_signal(signal.SIGHUP)
                harness.wait_until(lambda serial=fresh.serial(): self.shown_serial() == serial,
                                   f"the new certificate is shown ({way})", timeout=20)
                before = list(counts)
                harness.wait_until(lambda seen=before: all(now > then for now, then in zip(counts, seen)),
                                   "the load goes on")
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_what_cannot_be_loaded(self):
        self.begin()
        before = self.shown_serial()
        self.server.cert.write_text("nonsense\n")
        self.proxy.wait_said("what was loaded before stays in use")
        self.assertIn(f"the certificate {self.server.cert} cannot be used", self.proxy.said())
        self.assertEqual(self.shown_serial(), before)
        fresh = self.authority.issue("server", file="fresh")
        self.put(fresh)
        harness.wait_until(lambda: self.shown_serial() == fresh.serial(), "the new certificate is shown", timeout=20)

    def test_revocation_while_it_runs(self):
        own = self.authority.issue("alice")
        revocations = self.authority.revoke()
        self.begin("--tls-crl-file", revocations, auth="yes")
        with self.secure(own) as client:
            client.must("PING")
            self.authority.revoke(own)
            self.proxy.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: "revoked" in str(self.outcome(self.authority.trusting(own))),
                               "it is not let in any more", timeout=20)
            self.assertEqual(client.must("PING"), "PONG")

    def test_a_bad_start(self):
        self.server.key.write_text("nonsense\n")
        proxy = self.holdfast(self.redis(), flags=self.server_flags("--tls-listen", "127.0.0.1:0"), wait=False)
        self.assertEqual(proxy.wait(), 1)
        self.assertIn(f"the key {self.server.key} of {self.server.cert} cannot be used", proxy.said())


class RedisTest(TlsCase):
    def secure_redis(self, **options):
        own = self.authority.issue("redis")
        return self.redis(options=("--tls-cert-file", own.cert, "--tls-key-file", own.key, "--tls-ca-cert-file",
                                   self.authority.cert), tls=self.authority.trusting(own), **options)

    def flags(self):
        return ("--redis-tls", "--redis-tls-ca-cert-file", self.authority.cert, "--redis-tls-cert-file",
                self.server.cert, "--redis-tls-key-file", self.server.key)

    def contents(self, redis):
        """By way of a plain port that it opens now."""
        port = harness.free_port()
        with redis.client() as client:
            client.must("CONFIG", "SET", "port", port)
        return contents(port)

    def test_attach_and_rebuild(self):
        behind = self.secure_redis()
        with behind.client() as direct:  # to be adopted
            direct.must("SET", "old", "x" * MIB)
        proxy = self.holdfast(behind, flags=self.flags())
        with proxy.client() as client:
            client.must("SET", "a", "1")
            client.must("EVAL", "redis.call('set', 'b', ARGV[1]) return redis.call('incr', 'a')", 0, "y" * MIB)
            client.must("MSET", *[str(number) for number in range(2000)])
            self.assertEqual(client.must("GET", "old"), "x" * MIB)
        expected = self.contents(behind)
        self.assertEqual(len(expected), 1003)
        behind.kill()
        behind.start()
        proxy.wait_ready()
        self.assertEqual(differences(expected, self.contents(behind)), "")
        proxy.kill()
        behind.kill()
        behind.start()
        proxy.start()
        self.assertEqual(differences(expected, self.contents(behind)), "")

    def test_recovery_tool(self):
        behind = self.secure_redis()
        proxy = self.holdfast(behind, flags=self.flags())
        with proxy.client() as client:
            client.must("MSET", *[str(number) for number in range(2000)])
            client.must("SET", "big", "x" * 8 * MIB)
        expected = self.contents(behind)
        done = harness.recover("verify", "--log", proxy.log, "--redis", behind.address, "--redis-server",
                               behind.program, *self.flags())
        self.assertIn('"equal":true', done.stdout)
        target = self.secure_redis(name="target")
        to_target = ("replay", "--log", proxy.log, "--to-redis", target.address, "--redis-tls",
                     "--redis-tls-ca-cert-file", self.authority.cert)
        done = harness.recover(*to_target, check=False)
        self.assertIn("certificate required", done.stderr)
        with target.client() as client:
            client.must("CONFIG", "SET", "tls-auth-clients", "no")
        done = harness.recover(*to_target, check=False)
        self.assertIn("give --redis-tls-cert-file", done.stderr)
        harness.recover(*to_target, "--redis-tls-cert-file", self.server.cert, "--redis-tls-key-file", self.server.key)
        self.assertEqual(differences(expected, self.contents(target)), "")
        with target.client() as client:
            self.assertEqual(client.must("CONFIG", "GET", "tls-replication"), ["tls-replication", "no"])
        stranger = Authority(self.directory, "elsewhere")
        done = harness.recover("verify", "--log", proxy.log, "--redis", behind.address, "--redis-tls",
                               "--redis-tls-ca-cert-file", stranger.cert, check=False)
        self.assertIn("TLS failed: certificate verify failed", done.stderr)

    def refusal(self, redis, *flags):
        """Why it does not start."""
        proxy = self.holdfast(redis, flags=(*flags, "--timeouts-attach-ms", "1500", "--timeouts-handshake-ms", "500"),
                              wait=False)
        self.assertEqual(proxy.wait(), 1)
        return proxy.said()

    def test_who_is_who(self):
        behind = self.secure_redis()
        other = Authority(self.directory, "elsewhere")
        stranger = other.issue("server")
        self.assertIn("TLS failed: certificate verify failed", self.refusal(
            behind, "--redis-tls", "--redis-tls-ca-cert-file", other.cert, "--redis-tls-cert-file", stranger.cert,
            "--redis-tls-key-file", stranger.key))
        self.assertIn("alert unknown ca", self.refusal(
            behind, "--redis-tls", "--redis-tls-ca-cert-file", self.authority.cert, "--redis-tls-cert-file",
            stranger.cert, "--redis-tls-key-file", stranger.key))

    def test_a_plain_port(self):
        self.assertIn("is redis.address its tls-port?", self.refusal(self.redis(), *self.flags()))


if __name__ == "__main__":
    unittest.main()
