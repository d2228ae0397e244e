"""Faults that only a Kafka log has: brokers that do not answer, unsafe topics, no quorum, another proxy, a topic made
anew."""
import json
import select
import subprocess
import time
import unittest

import harness
from dataset import TreeClient, contents, differences
from faults_test import word
from startup_test import StartupCase


class KafkaStartupTest(StartupCase):
    """On a cluster that other tests use too: nothing here harms it."""

    def setUp(self):
        super().setUp()
        self.cluster = harness.shared_kafka()
        self.topic = f"topic-{harness.free_port()}"
        self.log = self.cluster.url(self.topic)

    def test_broker_that_does_not_answer(self):
        redis = self.redis()
        nobody = harness.free_port()
        begin = time.monotonic()
        self.assert_refused(f"127.0.0.1:{nobody}", redis=redis.address, log=f"kafka://127.0.0.1:{nobody}/topic")
        self.assertLess(time.monotonic() - begin, 30)

    def test_no_kafka(self):
        redis, other = self.redis(), self.redis(name="other")
        self.assert_refused(other.address, redis=redis.address, log=f"kafka://{other.address}/topic")

    def test_unsafe_topics(self):
        redis = self.redis()
        for setting, value in (("min.insync.replicas", "1"), ("cleanup.policy", "compact"),
                               ("retention.ms", "604800000"), ("retention.bytes", "1000000"),
                               ("unclean.leader.election.enable", "true")):
            with self.subTest(setting=setting):
                topic = f"unsafe-{setting}"
                safe = {"min_insync_replicas": 2, "retention_ms": -1, "retention_bytes": -1,
                        "unclean_leader_election_enable": "false", "cleanup_policy": "delete"}
                self.cluster.create_topic(topic, **{**safe, setting.replace(".", "_"): value})
                self.assert_refused(setting, value, topic, "kafka-configs", redis=redis.address,
                                    log=self.cluster.url(topic))

    def test_topic_that_must_not_be_created(self):
        redis = self.redis()
        self.assert_refused(self.topic, redis=redis.address, log=self.log, flags=("--log-create-topic=false",))

    def test_topic_of_something_else(self):
        redis = self.redis()
        self.cluster.create_topic(self.topic, min_insync_replicas=2, retention_ms=-1)
        self.produce("nothing of Holdfast's")
        self.assert_refused("not written by Holdfast", redis=redis.address, log=self.log)

    def produce(self, text):
        done = subprocess.run(["kcat", "-P", "-b", self.cluster.bootstrap, "-t", self.topic], input=text.encode(),
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_foreign_record(self):
        """Somebody else writes into the topic: the proxy stops where it notices, and so does a replay, unless it ends
        before it. What was acknowledged goes on in a copy."""
        redis = self.redis()
        proxy = self.holdfast(redis, self.log)
        with proxy.client() as client:
            for number in range(1, 20):
                self.assertEqual(client.must("INCR", "a"), number)
        # What is told of the effects of the last one may still be under way.
        harness.wait_until(lambda: self.records()[-1]["type"] == "settled", "the last batch is settled in the log")
        foreign = len(self.records())
        self.produce("nothing of Holdfast's")
        with proxy.client() as client:
            try:
                self.assertEqual(word(client.command("INCR", "a")), "UNKNOWN")
            except OSError:
                pass  # closed without a reply
        self.assertEqual(proxy.wait(), 1)
        reason = f"the record at position {foreign} of the log stops this: it was not written by Holdfast"
        self.assertIn(reason, proxy.said().splitlines()[-1])
        redis.kill()
        redis.start()
        self.assert_refused(reason, f"copy --to-position {foreign - 1}", redis=redis.address, log=self.log)
        done = harness.recover("inspect", "--log", self.log, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(reason, done.stderr)

        copy = f"sqlite:{self.directory}/copy.db"
        harness.recover("copy", "--log", self.log, "--to", copy, "--to-position", foreign - 1)
        proxy = self.holdfast(redis, copy, name="copy")
        with proxy.client() as client:
            self.assertEqual(client.must("INCR", "a"), 20)

    def records(self):
        """What the log holds, as far as it can be read."""
        lines = harness.recover("inspect", "--json", "--log", self.log).stdout.splitlines()[:-1]
        return [json.loads(line) for line in lines]

    def test_topic_made_anew(self):
        redis = self.redis()
        proxy = self.holdfast(redis, self.log)
        with proxy.client() as client:
            for number in range(30):
                client.must("SET", f"k:{number}", number)
        self.assertEqual(proxy.stop(), 0)
        self.cluster.tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", self.topic)
        self.assert_refused("--discard-redis-data", redis=redis.address, log=self.log)
        with redis.client() as client:
            self.assertEqual(client.must("DBSIZE"), 30)

    def test_topic_made_anew_under_way(self):
        """Deleted and made again while the proxy writes: nothing is acknowledged that is not in its log."""
        redis = self.redis()
        proxy = self.holdfast(redis, self.log, ("--timeouts-write-ms", "2000"))
        client = proxy.client()
        for number in range(1, 101):
            self.assertEqual(client.must("INCR", "a"), number)
        self.cluster.tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", self.topic)
        for _ in range(3):
            try:
                self.assertIn(word(client.command("INCR", "a")), ("UNKNOWN", "NOTWRITTEN"))
            except OSError:
                break  # it has ended
        self.cluster.create_topic(self.topic, min_insync_replicas=2, retention_ms=-1)
        deadline = time.monotonic() + 30
        while proxy.is_running() and time.monotonic() < deadline:
            try:
                self.assertIn(word(client.command("INCR", "a")), ("UNKNOWN", "NOTWRITTEN"))
            except OSError:
                break
        self.assertNotEqual(proxy.wait(20), 0)
        self.assertIn("log", proxy.said().splitlines()[-1])
        with redis.client() as direct:
            self.assertEqual(direct.must("GET", "a"), "100")

    def test_log_cut_off_at_its_beginning(self):
        """Records that are still needed are gone."""
        redis = self.redis()
        proxy = self.holdfast(redis, self.log)
        with proxy.client() as client:
            for number in range(30):
                client.must("SET", f"k:{number}", number)
        self.assertEqual(proxy.stop(), 0)
        offsets = self.directory / "offsets.json"
        partition = {"topic": self.topic, "partition": 0, "offset": 10}
        offsets.write_text(json.dumps({"version": 1, "partitions": [partition]}))
        self.cluster.tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", str(offsets))
        redis.kill()
        redis.start()
        self.assert_refused("log", redis=redis.address, log=self.log)

    def test_second_proxy_takes_over(self):
        """Whoever starts last leads; the older one ends and says why, and nothing that was acknowledged is lost."""
        first_redis, second_redis = self.redis(name="first-redis"), self.redis(name="second-redis")
        first = self.holdfast(first_redis, self.log, name="first")
        client = first.client()
        for number in range(1, 51):
            self.assertEqual(client.must("INCR", "a"), number)
        second = self.holdfast(second_redis, self.log, name="second")
        # The older one finds out when it writes next.
        acknowledged = 50
        try:
            while True:
                reply = client.command("INCR", "a")
                if word(reply):
                    self.assertIn(word(reply), ("NOTWRITTEN", "UNKNOWN"))
                    break
                acknowledged = reply
        except OSError:
            pass
        self.assertEqual(acknowledged, 50)
        self.assertNotEqual(first.wait(20), 0)
        self.assertIn("another proxy has claimed epoch 2", first.said())
        with second.client() as other:
            self.assertEqual(other.must("GET", "a"), "50")
            self.assertEqual(other.must("INCR", "a"), 51)
        # The older one's Redis is of use again.
        self.assertEqual(second.stop(), 0)
        first.start()
        with first.client() as client:
            self.assertEqual(client.must("INCR", "a"), 52)
        self.assertEqual(differences(contents(second_redis.port), contents(first_redis.port)).count("\n"), 0)

    def test_idle_proxy_is_fenced(self):
        """Also one that writes nothing does not go on as if it led."""
        first_redis, second_redis = self.redis(name="first-redis"), self.redis(name="second-redis")
        first = self.holdfast(first_redis, self.log, name="first")
        with first.client() as client:
            client.must("SET", "a", "1")
        second = self.holdfast(second_redis, self.log, name="second")
        with second.client() as client:
            client.must("SET", "a", "2")
        try:
            with first.client() as client:
                self.assertNotEqual(client.command("SET", "b", "1"), "OK")
        except OSError:
            pass  # it has ended already
        self.assertNotEqual(first.wait(20), 0)
        with second.client() as client:
            self.assertIsNone(client.must("GET", "b"))


class QuorumTest(harness.SystemTest):
    """On a cluster of its own."""

    def test_no_quorum(self):
        cluster = self.kafka()
        redis = self.redis()
        proxy = self.holdfast(redis, cluster.url("quorum"), ("--timeouts-write-ms", "2000"))
        client = proxy.client()
        for number in range(1, 51):
            self.assertEqual(client.must("INCR", "a"), number)
        cluster.kill(1)
        cluster.kill(2)
        outcomes, value, reader = [], 50, proxy.client()
        for _ in range(5):
            begin = time.monotonic()
            reply = client.command("INCR", "a")
            self.assertLess(time.monotonic() - begin, 4)
            if word(reply) is None:
                value = reply  # on its way when the brokers went
                continue
            self.assertIn(word(reply), ("UNKNOWN", "NOTWRITTEN"), reply)
            outcomes.append(word(reply))
            for one in (reader, client):
                begin = time.monotonic()
                self.assertGreaterEqual(int(one.must("GET", "a")), 50)
                self.assertLess(time.monotonic() - begin, 1)
        self.assertGreaterEqual(len(outcomes), 3, outcomes)
        self.assertIn("NOTWRITTEN", outcomes)
        cluster.start_broker(1)
        cluster.start_broker(2)
        again = harness.wait_until(lambda: self.number(client.command("INCR", "b")), "writes work again", timeout=60)
        self.assertGreaterEqual(again, 1)
        left = int(client.must("GET", "a"))
        self.assertLessEqual(value, left)
        self.assertLessEqual(left, value + outcomes.count("UNKNOWN"))
        before = contents(redis.port)
        proxy.kill()
        redis.kill()
        redis.start()
        proxy.start()
        self.assertEqual(differences(before, contents(redis.port)), "")

    def test_what_is_told_waits_for_the_log(self):
        """A key expires while the log does not answer: who wants to know is told once the log holds that."""
        cluster = self.kafka()
        redis = self.redis()
        proxy = self.holdfast(redis, cluster.url("told"), ("--timeouts-write-ms", "60000"))
        client = proxy.client()
        client.must("CONFIG", "SET", "notify-keyspace-events", "Ex")
        subscriber, direct, cacher = proxy.client(), redis.client(), TreeClient(proxy.port)
        for one in (subscriber, direct):
            one.must("SUBSCRIBE", "__keyevent@0__:expired")
        cacher.command("HELLO", "3")
        cacher.command("CLIENT", "TRACKING", "on")
        client.must("SET", "k", "1", "PX", "3000")
        self.assertEqual(cacher.command("GET", "k"), ("$", b"1"))
        cluster.pause(1)
        cluster.pause(2)
        expired = ["message", "__keyevent@0__:expired", "k"]
        self.assertEqual(direct.read(), expired)
        self.assertEqual(select.select([subscriber.socket, cacher.socket], [], [], 1)[0], [])
        cluster.resume(1)
        cluster.resume(2)
        self.assertEqual(subscriber.read(), expired)
        self.assertEqual(cacher.read(), (">", [("$", b"invalidate"), ("*", [("$", b"k")])]))

    @staticmethod
    def number(reply):
        return reply if isinstance(reply, int) else None


if __name__ == "__main__":
    unittest.main()
