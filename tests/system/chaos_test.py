"""kill -9 and SIGSTOP of everything, at random, under writers that keep books.

HOLDFAST_CHAOS_ROUNDS: how many faults; HOLDFAST_CHAOS_SEED: which ones. Both are printed.
"""
import os
import random
import shutil
import sys
import time
import unittest

import harness
from accounts import everybody
from dataset import contents, differences, remove_marker, replay, verify


class Chaos:
    """What is common: the rounds, and what must be true behind them."""

    BUILD = "7.0.15"
    ROUNDS = 40
    ADOPTED = False  # whether Redis holds data already, which becomes the base snapshot

    def begin(self, log=None):
        self.seed = int(os.environ.get("HOLDFAST_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
        self.rounds = int(os.environ.get("HOLDFAST_CHAOS_ROUNDS") or self.ROUNDS)
        self.random = random.Random(self.seed)
        print(f"\n{self.id()}: HOLDFAST_CHAOS_SEED={self.seed} HOLDFAST_CHAOS_ROUNDS={self.rounds}", file=sys.stderr)
        self.behind = self.redis(self.BUILD)
        if self.ADOPTED:
            self.fill()
        self.proxy = self.holdfast(self.behind, log)
        self.old_rdb = None
        self.writers = everybody(self.proxy.port, self.seed, fields_expire=self.BUILD in ("8.2.3", "valkey-9.1.2"))

    def fill(self):
        with self.behind.client() as client:
            client.pipeline([("SET", f"base:{i}", "x" * i, "EX", "100000") for i in range(1000)])
            client.must("RPUSH", "base:list", *range(1000))
            client.must("SELECT", "9")
            client.must("SET", "base:other", "1")

    def run_rounds(self, faults):
        for writer in self.writers:
            writer.start()
        self.wait_for_progress(20)
        for number in range(self.rounds):
            fault = self.random.choice(faults)
            begin = time.monotonic()
            fault()
            self.wait_for_progress(self.random.randint(1, 30))
            print(f"  {number + 1}: {fault.__name__}, {time.monotonic() - begin:.1f} s", file=sys.stderr)
            if number == self.rounds // 2:
                self.proxy.wait_ready()
                verify(self.proxy, self.behind)  # under load
        for writer in self.writers:
            writer.ending.set()
        for writer in self.writers:
            writer.join()
        self.assert_no_problem()

    def wait_for_progress(self, steps):
        """Until each writer has had so many acknowledgements more."""
        goals = [writer.acknowledged + steps for writer in self.writers]

        def reached():
            self.assert_no_problem()
            self.assertTrue(self.proxy.is_running(), "the proxy has ended by itself")
            return all(writer.acknowledged >= goal for writer, goal in zip(self.writers, goals))

        harness.wait_until(reached, "everybody gets on", timeout=60)

    def assert_no_problem(self):
        self.assertEqual([], [f"{writer.name}: {writer.problem}" for writer in self.writers if writer.problem])

    # --- faults; each lets everything run again at its end

    def kill_proxy(self):
        self.proxy.kill()
        self.proxy.start(wait=False)

    def kill_redis(self):
        self.behind.kill()
        self.behind.start()

    def kill_redis_and_bring_old_data(self):
        """As with a Redis that saves now and then."""
        if self.old_rdb is None or self.random.random() < 0.5:
            self.old_rdb = self.directory / "old.rdb"
            with self.behind.client(timeout=60) as client:
                client.must("SAVE")
            shutil.copy(self.behind.data / "dump.rdb", self.old_rdb)
            self.wait_for_progress(self.random.randint(0, 20))
        self.behind.kill()
        self.behind.start(rdb=self.old_rdb)

    def kill_both(self):
        for process in self.random.sample((self.proxy, self.behind), 2):
            process.kill()
        if self.old_rdb is not None and self.random.random() < 0.5:
            self.behind.start(rdb=self.old_rdb)
        else:
            self.behind.start()
        self.proxy.start(wait=False)

    def kill_proxy_again_and_again(self):
        for _ in range(self.random.randint(2, 4)):
            self.kill_proxy()
            self.proxy.wait_said("listening on")
            self.pause_for(0.3)

    def kill_redis_again_and_again(self):
        """Also in the middle of its being rebuilt."""
        for _ in range(self.random.randint(2, 5)):
            self.kill_redis()
            self.pause_for(0.2)

    def cut_connections(self):
        """Redis drops its replica, which is the tap, or its clients, or both."""
        for _ in range(self.random.randint(1, 4)):
            with self.behind.client() as client:
                for kind in self.random.sample(("replica", "normal"), self.random.randint(1, 2)):
                    client.must("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            self.pause_for(0.2)

    def freeze_proxy(self):
        self.freeze(self.proxy, 2)

    def freeze_redis(self):
        self.freeze(self.behind, self.random.choice((1, 1, 2, 8)))

    def stop_proxy(self):
        self.assertEqual(self.proxy.stop(), 0)
        self.proxy.start(wait=False)

    def freeze(self, process, seconds):
        process.pause()
        self.pause_for(seconds)
        process.resume()

    def pause_for(self, seconds):
        """The length of a fault, not a way to wait for anything."""
        time.sleep(self.random.uniform(0.05, seconds))

    COMMON = ("kill_proxy", "kill_redis", "kill_redis_and_bring_old_data", "kill_both", "kill_proxy_again_and_again",
              "kill_redis_again_and_again", "cut_connections", "freeze_proxy", "freeze_redis", "stop_proxy")

    # --- and then

    def check_everything(self):
        self.proxy.wait_ready()
        with self.proxy.client() as client:
            harness.wait_until(lambda: all(writer.is_settled(client) for writer in self.writers), "keys expire")
            problems = [f"{writer.name}: {problem}" for writer in self.writers for problem in writer.check(client)[:5]]
            if self.ADOPTED:
                self.assertEqual((client.must("LLEN", "base:list"), client.must("STRLEN", "base:999")), (1000, 999))
        for writer in self.writers:
            print(f"  {writer.name}: {writer.acknowledged} acknowledged, {writer.unknown} unknown, {writer.refused} "
                  f"refused, longest {writer.longest:.1f} s", file=sys.stderr)
        self.assertEqual(problems, [])
        self.check_rebuilt()
        self.check_recovered()

    def check_rebuilt(self):
        """Redis, and what the proxy makes of an empty one."""
        before = contents(self.behind.port)
        self.kill_redis()
        self.proxy.wait_ready()
        self.assertEqual(differences(before, contents(self.behind.port)), "", "Redis before and after it was lost")

    def check_recovered(self):
        verify(self.proxy, self.behind)
        self.assertEqual(self.proxy.stop(), 0)
        fresh = self.redis(self.BUILD, name="fresh")
        replay(self.proxy, fresh)
        self.assertEqual(differences(contents(self.behind.port), contents(fresh.port)), "", "Redis, and a replay")
        for redis in (self.behind, fresh):
            remove_marker(redis.port)
        self.assertEqual(fresh.digest(), self.behind.digest())


class SqliteChaosTest(Chaos, harness.SystemTest):
    def test_chaos(self):
        self.begin()
        self.run_rounds([getattr(self, name) for name in self.COMMON])
        self.check_everything()


class OldRedisChaosTest(SqliteChaosTest):
    """6.2, where the stream tells relative times."""

    BUILD = "6.2.5"
    ROUNDS = 20


class NewRedisChaosTest(SqliteChaosTest):
    """8.2, where fields of hashes expire."""

    BUILD = "8.2.3"
    ROUNDS = 20
    ADOPTED = True


class ValkeyChaosTest(SqliteChaosTest):
    BUILD = "valkey-9.1.2"
    ROUNDS = 20


class KafkaChaosTest(Chaos, harness.SystemTest):
    ROUNDS = 16
    ADOPTED = True

    def test_chaos(self):
        self.cluster = self.kafka()
        self.begin(self.cluster.url("chaos"))
        names = self.COMMON + ("kill_broker", "kill_broker", "freeze_broker", "freeze_broker", "freeze_two_brokers",
                               "kill_two_brokers", "kill_broker_and_proxy")
        self.run_rounds([getattr(self, name) for name in names])
        self.check_everything()

    def any_broker(self):
        return self.random.randint(1, 3)

    def kill_broker(self):
        broker = self.any_broker()
        self.cluster.kill(broker)
        self.pause_for(2)
        self.cluster.start_broker(broker)

    def kill_two_brokers(self):
        brokers = self.random.sample((1, 2, 3), 2)
        for broker in brokers:
            self.cluster.kill(broker)
        self.pause_for(1)
        for broker in brokers:
            self.cluster.start_broker(broker)

    def kill_broker_and_proxy(self):
        broker = self.any_broker()
        self.cluster.kill(broker)
        self.kill_proxy()
        self.cluster.start_broker(broker)

    def freeze_broker(self):
        broker = self.any_broker()
        self.cluster.pause(broker)
        self.pause_for(self.random.choice((2, 2, 12)))
        self.cluster.resume(broker)

    def freeze_two_brokers(self):
        brokers = self.random.sample((1, 2, 3), 2)
        for broker in brokers:
            self.cluster.pause(broker)
        self.pause_for(3)
        for broker in brokers:
            self.cluster.resume(broker)


if __name__ == "__main__":
    unittest.main()
