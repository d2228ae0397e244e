"""Clients of Node.js: ioredis, node-redis, and BullMQ, which lives on Lua scripts."""
import contextlib
import json
import shutil
import unittest

import packages
from client_case import HERE, ClientCase, JobsCase, Secure, harness

PROGRAMS = HERE / "node"
WANTED = (PROGRAMS / "package.json", PROGRAMS / "package-lock.json")


def install(directory):
    for file in WANTED:
        shutil.copy(file, directory)
    packages.run("npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", cwd=directory)


class Node:
    """How a program of PROGRAMS is run."""

    @staticmethod
    def node(program, *arguments):
        return ["node", PROGRAMS / f"{program}.js", *map(str, arguments)]

    @property
    def where(self):
        return {**super().where, "NODE_PATH": str(packages.bring("node", WANTED, install) / "node_modules")}


class Clients(Node, ClientCase):
    """What applications do with the clients."""

    def test_ioredis(self):
        self.serve()
        self.run_program("ioredis", self.node("ioredis_client"), timeout=60)

    def test_ioredis_cluster(self):
        self.serve(flags=("--cluster-enabled",))
        self.run_program("ioredis-cluster", self.node("ioredis_cluster"), timeout=60)

    def test_node_redis(self):
        self.serve()
        for protocol in ("2", "3"):
            with self.subTest(protocol=protocol):
                self.run_program(f"node-redis-{protocol}", self.node("node_redis_client", protocol), timeout=60)


class ClientsOfNewRedis(Clients):
    BUILD = "8.2.3"


class ClientsOfValkey(Clients):
    BUILD = "valkey-9.1.2"


class ClientsAsUsers(Node, Secure, ClientCase):
    def test_users(self):
        self.serve(flags=("--cluster-enabled",))
        self.run_program("users", self.node("users"), timeout=60)


class Jobs(Node, JobsCase):
    """A queue of BullMQ loses no job whose add was acknowledged, whatever is killed."""

    JOBS = 2000

    def look_after_worker(self):
        """Starts a worker whenever there is none, as a supervisor would. One is killed, and the next takes over what it
        had begun."""
        if self.count >= self.JOBS // 2 and len(self.workers) == 1:
            self.workers[0].kill()
        if not (self.workers and self.workers[-1].is_running()):
            self.workers.append(self.start_program(f"worker-{len(self.workers)}", self.node("bull_worker")))

    def done(self):
        """How many jobs the worker wrote down, as far as is known."""
        self.look_after_worker()
        self.assertIn(self.producer.child.poll(), (None, 0), "the producer failed")
        with contextlib.suppress(OSError), self.proxy.client() as client:
            reply = client.command("SCARD", "done")
            if isinstance(reply, int):
                self.count = reply
        return self.count

    def begin(self, kind):
        self.serve()
        self.workers, self.count = [], 0
        self.producer = self.start_program("producer", self.node("bull_producer", kind, self.JOBS))
        self.follower = self.start_program("follower", self.node("bull_follower", self.JOBS))

    def end(self):
        """All were acknowledged, and so all must be done, and completed: so say the events, and the queue's counts."""
        self.assertEqual(self.producer.wait(), 0)
        with self.proxy.client() as client:
            done = set(client.must("SMEMBERS", "done"))
        self.assertEqual(done ^ {f"job-{number}" for number in range(self.JOBS)}, set())
        harness.wait_until(lambda: self.look_after_worker() or not self.follower.is_running(), "the events are heard")
        self.assertEqual(self.follower.wait(), 0)
        counts = json.loads(self.follower.said().splitlines()[-1])
        self.assertEqual({state: count for state, count in counts.items() if count}, {"completed": self.JOBS})

    def test_jobs(self):
        """Some are delayed, some have a priority."""
        self.begin("jobs")
        self.kill_now_and_then(self.done, self.JOBS)
        self.end()

    def test_flows(self):
        """Jobs that wait for others, which are added in one transaction of scripts."""
        self.begin("flows")
        harness.wait_until(lambda: self.done() >= 100, "100 jobs are done")
        self.kill_redis()
        self.kill_now_and_then(self.done, self.JOBS)
        self.end()


if __name__ == "__main__":
    unittest.main()
