"""Kafka over TLS, with users and their rights: what works, and what is told when it does not."""
import contextlib
import hashlib
import json
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import harness
from certificates import Authority, openssl
from dataset import contents, differences
from faults_test import word

PASSWORD = "correct-horse"  # of every user, by PLAIN
SCRAM_PASSWORD = "battery-staple"
KEY_PASSWORD = "tacked-on"  # of the encrypted key
SECRETS = (PASSWORD, SCRAM_PASSWORD, KEY_PASSWORD)
LIMIT = 40  # seconds until it has given up

READ, WRITE, CREATE, DESCRIBE, DESCRIBE_CONFIGS = 3, 4, 5, 8, 10
NEEDED = {READ, WRITE, CREATE, DESCRIBE, DESCRIBE_CONFIGS}
LACKS = {"no-read": READ, "no-write": WRITE, "no-create": CREATE, "no-configs": DESCRIBE_CONFIGS}

BROKER = """
ssl.keystore.type=PEM
ssl.keystore.location={store}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.sasl.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.sasl.plain.sasl.jaas.config={module}.plain.PlainLoginModule required {users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


class Admin:
    """Two of Kafka's admin requests, at the plain listener, whose users may do everything."""

    def __init__(self, bootstrap):
        self.host, _, port = bootstrap.partition(":")
        self.port = int(port)

    def ask(self, api_key, version, body, flexible=False):
        request = struct.pack(">hhih", api_key, version, 1, 4) + b"test" + (b"\0" if flexible else b"") + body
        with socket.create_connection((self.host, self.port), timeout=20) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            stream = connection.makefile("rb")
            return stream.read(struct.unpack(">i", stream.read(4))[0])[4 + flexible:]

    def allow(self, user, operations, topic, denied=False):
        """For the topics whose name begins so."""
        def text(value):
            return struct.pack(">h", len(value)) + value.encode()

        rules = [b"\2" + text(topic) + b"\4" + text(f"User:{user}") + text("*") + bytes((one, 2 if denied else 3))
                 for one in operations]
        answer = self.ask(30, 1, struct.pack(">i", len(rules)) + b"".join(rules))
        codes = [code for (code,) in struct.iter_unpack(">h2x", answer[8:])]
        if codes != [0] * len(rules):
            raise AssertionError(f"CreateAcls: {answer!r}")

    def take_back(self, user, topic):
        """What was allowed or denied to this user for topics of exactly this beginning."""
        def text(value):
            return struct.pack(">h", len(value)) + value.encode()

        rule = b"\2" + text(topic) + b"\4" + text(f"User:{user}") + struct.pack(">h", -1) + b"\1\1"
        answer = self.ask(31, 1, struct.pack(">i", 1) + rule)
        if answer[4:10] != struct.pack(">ih", 1, 0):
            raise AssertionError(f"DeleteAcls: {answer!r}")

    def set_scram(self, user, password):
        salt, rounds = b"0123456789abcdef", 4096
        salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)

        def compact(value):
            return bytes((len(value) + 1,)) + value

        body = (b"\1\2" + compact(user.encode()) + b"\2" + struct.pack(">i", rounds) + compact(salt) + compact(salted)
                + b"\0\0")
        answer = self.ask(51, 0, body, flexible=True)
        if compact(user.encode()) + b"\0\0" not in answer:
            raise AssertionError(f"AlterUserScramCredentials: {answer!r}")


class KafkaSecurityTest(harness.SystemTest):
    """With one broker: what is tested does not depend on how many there are."""

    @classmethod
    def setUpClass(cls):
        cls.home = Path(tempfile.mkdtemp(prefix="holdfast-kafka-security-"))
        cls.addClassCleanup(shutil.rmtree, cls.home, ignore_errors=True)
        cls.authority = Authority(cls.home)
        broker = cls.authority.issue("broker")
        store = cls.home / "broker.pem"
        store.write_text(broker.key.read_text() + broker.cert.read_text())
        users = " ".join(f'user_{name}="{PASSWORD}"' for name in ("holdfast", "elsewhere", *LACKS))
        properties = cls.home / "broker.properties"
        properties.write_text(BROKER.format(store=store, ca=cls.authority.cert, users=users,
                                            module="org.apache.kafka.common.security"))
        cls.cluster = harness.KafkaCluster(cls.home / "kafka", 1, ("SASL=SASL_SSL", "MUTUAL=SSL"), properties)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.admin = Admin(cls.cluster.bootstrap)
        cls.admin.set_scram("holdfast", SCRAM_PASSWORD)
        cls.admin.allow("holdfast", NEEDED, "log-")
        for user, lacked in LACKS.items():
            cls.admin.allow(user, NEEDED - {lacked}, "log-")
        cls.admin.allow("elsewhere", NEEDED - {WRITE}, "log-")
        cls.admin.allow("elsewhere", {WRITE}, "other-")

    def setUp(self):
        super().setUp()
        self.topic = f"log-{harness.free_port()}"
        self.refused = []

    # --- settings

    def config(self, properties, name="holdfast"):
        """A file with them."""
        path = self.directory / f"{name}.toml"
        path.write_text("[log]\nreplication-factor = 1\nmin-insync-replicas = 1\n[kafka]\n"
                        + "".join(f'"{key}" = "{value}"\n' for key, value in properties.items()))
        return path

    def sasl(self, user="holdfast", password=PASSWORD, mechanism="PLAIN", ca=None):
        return {"security.protocol": "SASL_SSL", "ssl.ca.location": ca or self.authority.cert,
                "sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password}

    def mutual(self, own=None):
        shown = {"ssl.certificate.location": own.cert, "ssl.key.location": own.key} if own else {}
        return {"security.protocol": "SSL", "ssl.ca.location": self.authority.cert, **shown}

    def proxy(self, redis, listener, properties, *flags, name="holdfast", **options):
        return self.holdfast(redis, self.cluster.url(self.topic, listener),
                             ("--config", self.config(properties, name), *flags), name=name, **options)

    # --- what works

    def lives(self, listener, properties, environment=None):
        """The topic is created, writes come back after everything but Kafka was lost, the recovery tool reads them."""
        redis = self.redis()
        proxy = self.proxy(redis, listener, properties, environment=environment)
        with proxy.client() as client:
            client.must("MSET", *[str(number) for number in range(2000)])
            self.assertEqual(client.must("INCR", "n"), 1)
        expected = contents(redis.port)
        proxy.kill()
        redis.kill()
        redis.start()
        proxy.start()
        with proxy.client() as client:
            self.assertEqual(client.must("INCR", "n"), 2)
            client.must("DECR", "n")
        self.assertEqual(differences(expected, contents(redis.port)), "")
        self.assertEqual(proxy.stop(), 0)
        if environment is None:
            config = self.directory / "holdfast.toml"
            done = harness.recover("verify", "--config", config, "--log", proxy.log, "--redis", redis.address,
                                   "--redis-server", redis.program)
            self.assertIn('"equal":true', done.stdout)
            copy = f"kafka://{proxy.log.split('/')[2]}/{self.topic}-copy"
            harness.recover("copy", "--config", config, "--log", proxy.log, "--to", copy, "--create-topic",
                            "--replication-factor", "1", "--min-insync-replicas", "1")
            done = harness.recover("inspect", "--config", config, "--log", copy, "--json")
            self.assertGreater(json.loads(done.stdout.splitlines()[-1])["records"], 3)
        self.assertNoSecrets(proxy.said())

    def assertNoSecrets(self, text):
        for secret in SECRETS:
            self.assertNotIn(secret, text)

    def test_plain(self):
        self.lives("SASL", self.sasl())

    def test_scram(self):
        libraries = subprocess.run([harness.ROOT / "scripts" / "librdkafka-fetch"], check=True, stdout=subprocess.PIPE,
                                   text=True).stdout.strip()
        self.lives("SASL", self.sasl(password=SCRAM_PASSWORD, mechanism="SCRAM-SHA-512"),
                   environment={"LD_LIBRARY_PATH": libraries})

    def test_scram_with_the_librdkafka_that_is_here(self):
        """One before 2.6.1 cannot, and it is told."""
        about = subprocess.run(["kcat", "-V"], check=True, stdout=subprocess.PIPE, text=True).stdout
        version = tuple(int(part) for part in re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", about).groups())
        properties = self.sasl(password=SCRAM_PASSWORD, mechanism="SCRAM-SHA-512")
        if version >= (2, 6, 1):
            self.lives("SASL", properties)
        else:
            self.expect_refusal("SASL", properties, "SCRAM-SHA-512", "use 2.6.1 or newer")
            self.assert_refused()

    def test_client_certificate(self):
        self.lives("MUTUAL", self.mutual(self.authority.issue("holdfast")))

    def test_encrypted_key(self):
        own = self.authority.issue("holdfast")
        locked = self.directory / "locked.key"
        openssl("pkcs8", "-topk8", "-in", own.key, "-out", locked, "-passout", f"pass:{KEY_PASSWORD}")
        own.key = locked
        self.expect_refusal("MUTUAL", {**self.mutual(own), "ssl.key.password": PASSWORD}, "ssl.key.location")
        self.assert_refused()
        proxy = self.proxy(self.redis(), "MUTUAL", {**self.mutual(own), "ssl.key.password": KEY_PASSWORD})
        with proxy.client() as client:
            self.assertEqual(client.must("INCR", "n"), 1)

    def test_properties_for_the_recovery_tool(self):
        """The environment goes before the file, a flag before both."""
        self.make_topic()
        file = self.config(self.sasl(password="wrong"), "wrong")
        inspect = ("inspect", "--config", file, "--log", self.cluster.url(self.topic, "SASL"))
        with mock.patch.dict("os.environ", {"HOLDFAST_KAFKA_PROPERTIES": f"sasl.password={PASSWORD}"}):
            harness.recover(*inspect)
            done = harness.recover(*inspect, "--kafka-property", "sasl.password=wrong", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Authentication failed: Invalid username or password", done.stderr)
        self.assertNoSecrets(done.stdout + done.stderr)
        done = harness.recover("inspect", "--config", self.directory / "absent", "--log", "sqlite:absent", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot read", done.stderr)

    # --- what does not

    def expect_refusal(self, listener, properties, *words):
        """Starts one that will end by itself; assert_refused() then wants all the words in its last line."""
        name = f"refused-{len(self.refused)}"
        redis = self.redis(name=f"behind-{name}")
        proxy = self.proxy(redis, listener, properties, "--timeouts-attach-ms", "3000", name=name, wait=False)
        self.refused.append((proxy, words, time.monotonic()))

    def assert_refused(self):
        """All that were expected to be have been, in time, and say why in the only error, their last line, but for what
        librdkafka has to say of itself when it ends."""
        for proxy, words, begin in self.refused:
            self.assertEqual(proxy.wait(LIMIT), 1, proxy.said())
            self.assertLess(time.monotonic() - begin, LIMIT)
            lines = [line for line in proxy.said().splitlines() if " info kafka: " not in line]
            errors = [line for line in lines if " error " in line]
            self.assertEqual(errors, lines[-1:], proxy.said())
            for one in words:
                self.assertIn(one, errors[0])
            self.assertNoSecrets(proxy.said())

    def test_who_is_not_let_in(self):
        self.expect_refusal("SASL", self.sasl(password="wrong"), "Authentication failed: Invalid username or password")
        self.expect_refusal("SASL", self.sasl(password=SCRAM_PASSWORD + "!", mechanism="SCRAM-SHA-512"),
                            "invalid credentials with SASL mechanism SCRAM-SHA-512")
        self.expect_refusal("MUTUAL", self.mutual(), "bad certificate")
        self.assert_refused()

    def test_brokers_that_are_not_believed(self):
        stranger = Authority(self.directory, "elsewhere")
        self.expect_refusal("SASL", self.sasl(ca=stranger.cert), "certificate verify failed")
        self.expect_refusal("SASL", {}, "might be caused by incorrect security.protocol configuration")
        self.assert_refused()

    def test_rights_that_are_missing(self):
        self.make_topic()
        self.expect_refusal("SASL", self.sasl("no-configs"), self.topic, "its settings cannot be read",
                            "authorization failed")
        self.expect_refusal("SASL", self.sasl("no-read"), self.topic, "cannot read at position", "authorization failed")
        self.expect_refusal("SASL", self.sasl("no-write"), "authorization failed", "allowed to write to the topic?")
        self.expect_refusal("SASL", self.sasl("elsewhere"), "authorization failed")
        self.expect_refusal("MUTUAL", self.mutual(self.authority.issue("stranger")), self.topic, "authorization failed")
        self.topic += "-absent"
        self.expect_refusal("SASL", self.sasl("no-create"), self.topic, "cannot be created", "uthorization failed")
        self.topic = "other-topic"
        self.expect_refusal("SASL", self.sasl(), self.topic, "authorization failed")
        self.assert_refused()

    def make_topic(self):
        """Makes the topic, by a Holdfast that may."""
        proxy = self.proxy(self.redis(name="maker"), "SASL", self.sasl(), name="maker")
        self.assertEqual(proxy.stop(), 0)

    def test_right_that_is_taken_away(self):
        """Writes are refused until it is given back; nothing is lost or done twice."""
        proxy = self.proxy(self.redis(), "SASL", self.sasl(), "--timeouts-write-ms", "1000")
        client = proxy.client()
        for number in range(1, 51):
            self.assertEqual(client.must("INCR", "n"), number)
        self.admin.allow("holdfast", {WRITE}, self.topic, denied=True)
        unknown = done = 0

        def refused():
            nonlocal unknown, done
            reply = client.command("INCR", "n")
            done, unknown = done + (word(reply) is None), unknown + (word(reply) == "UNKNOWN")
            return word(reply) == "NOTWRITTEN"

        harness.wait_until(refused, "writes are refused")
        self.assertGreaterEqual(int(client.must("GET", "n")), 50)
        self.admin.take_back("holdfast", self.topic)
        harness.wait_until(lambda: word(client.command("SET", "x", "1")) is None, "writes work again")
        now = int(client.must("GET", "n"))
        self.assertTrue(50 + done <= now <= 50 + done + unknown, (now, done, unknown))
        self.assertNoSecrets(proxy.said())

    # --- what nobody shall read

    def test_secrets_are_not_told(self):
        own = self.authority.issue("holdfast")
        locked = self.directory / "locked.key"
        openssl("pkcs8", "-topk8", "-in", own.key, "-out", locked, "-passout", f"pass:{KEY_PASSWORD}")
        properties = {**self.sasl(), "ssl.certificate.location": own.cert, "ssl.key.location": locked,
                      "ssl.key.password": KEY_PASSWORD, "debug": "all"}
        proxy = self.proxy(self.redis(), "SASL", properties, "--log-level", "debug")
        with proxy.client() as client:
            client.must("SET", "a", "1")
            for asked in (("INFO", "everything"), ("CONFIG", "GET", "*"), ("CLIENT", "LIST"), ("ACL", "LIST")):
                self.assertNoSecrets(str(client.must(*asked)))
        self.assertIn("sasl.password = [redacted]", proxy.said())
        self.assertNoSecrets(proxy.said())
        with contextlib.suppress(FileNotFoundError):
            for argument in Path(f"/proc/{proxy.pid}/cmdline").read_text().split("\0"):
                self.assertNoSecrets(argument)
        self.assertEqual(proxy.stop(), 0)
        config = self.directory / "holdfast.toml"
        for damage, status in (("", 0), ("[", 2)):
            config.write_text(config.read_text().replace('"sasl.password" =', '"sasl.password" = ' + damage))
            shown = subprocess.run([harness.BUILD / "holdfast", "--config", config, "--check-config"],
                                   capture_output=True, text=True, check=False)
            self.assertEqual(shown.returncode, status, shown.stderr)
            self.assertNoSecrets(shown.stdout + shown.stderr)


if __name__ == "__main__":
    unittest.main()
