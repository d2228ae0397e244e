"""Python: redis-py, redis.asyncio, and the job queues RQ and Celery, as they come from PyPI."""
import contextlib
import json
import os
import signal
import sys
import time
import unittest

import client_case
import packages
from client_case import harness
from dataset import verify

PROGRAMS = client_case.HERE / "python"
WANTED = PROGRAMS / "requirements.txt"


def install(directory):
    packages.run(sys.executable, "-m", "venv", directory)
    packages.run(directory / "bin" / "pip", "install", "--requirement", WANTED)


class PythonCase:
    """Runs the programs with the packages."""

    @classmethod
    def setUpClass(cls):
        # Another Python makes another environment.
        language = f"python{sys.version_info.major}.{sys.version_info.minor}"
        cls.bin = packages.bring(language, [WANTED], install) / "bin"

    def python(self, program, *arguments):
        return [self.bin / "python", PROGRAMS / program, *arguments]


class RedisPyTest(PythonCase, client_case.ClientCase):
    def test_redis_py(self):
        self.serve()
        self.run_program("redis-py", self.python("redis_py.py"))

    def test_redis_py_with_redis_8(self):
        """For which it has a client-side cache, too."""
        self.serve("8.2.3")
        self.run_program("redis-py", self.python("redis_py.py", "Resp3", "Cache"))

    def test_cluster(self):
        for build in harness.REDIS_BUILDS:
            with self.subTest(build=build):
                self.serve(build, ("--cluster-enabled",))
                self.run_program(f"cluster-{build}", self.python("redis_cluster.py"))
                self.proxy.stop()

    def test_asyncio(self):
        self.serve()
        self.run_program("asyncio", self.python("redis_asyncio.py"))


class RedisPyAsUserTest(PythonCase, client_case.Secure, client_case.ClientCase):
    def test_users(self):
        for build in harness.REDIS_BUILDS:
            with self.subTest(build=build):
                self.serve(build, ("--cluster-enabled",))
                self.run_program(f"users-{build}", self.python("redis_users.py"))
                self.proxy.stop()


class JobsCase(PythonCase, client_case.JobsCase):
    """A producer, and workers that are started again when they end, as a supervisor does."""

    program = None
    JOBS = 1000

    def begin(self, workers):
        """Starts them; workers: their command lines."""
        self.serve()
        self.known, self.restarts = 0, 0
        self.progress = time.monotonic()
        self.producer = self.start_program("producer", self.python(self.program, "enqueue", self.JOBS))
        self.workers = [self.start_program(f"worker-{number}", command, cwd=PROGRAMS)
                        for number, command in enumerate(workers)]
        self.addCleanup(self.kill_workers)

    def kill_workers(self):
        for worker in self.workers:
            self.kill_worker(worker)

    @staticmethod
    def kill_worker(worker):
        """With the processes that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.kill()

    def supervise(self):
        for worker in self.workers:
            if not worker.is_running():
                self.kill_worker(worker)
                worker.launch(worker.child.args, self.where, PROGRAMS)
                self.restarts += 1

    def done(self):
        """How many jobs are, as far as is known."""
        self.supervise()
        count = self.ask("SCARD", "done")
        if count is not None and count != self.known:
            self.known, self.progress = count, time.monotonic()
        return self.known

    def ask(self, *command):
        """What the server replies, None when it does not."""
        try:
            with self.proxy.client() as client:
                reply = client.command(*command)
        except OSError:
            return None
        return None if isinstance(reply, harness.RespError) else reply

    def missing(self):
        """The jobs that the producer was told are enqueued, and which are not done."""
        said = self.producer.said().splitlines()
        acknowledged = {line.split()[1] for line in said if line.startswith("acknowledged ")}
        with self.proxy.client() as client:
            return sorted(acknowledged - set(client.must("SMEMBERS", "done")), key=int)

    def run_jobs(self, done):
        try:
            self.kill_now_and_then(done, self.JOBS)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; enqueued and not done: {self.missing()}") from failure
        self.assertEqual(self.producer.wait(), 0)
        self.assertEqual(self.producer.said().count("acknowledged "), self.JOBS)
        self.assertEqual(self.missing(), [])

    def check_end(self, *keys):
        """Jobs that were enqueued or given out twice are done with as well: nothing is left in these keys. And what
        Redis holds is what the log says."""
        for command, key in keys:
            harness.wait_until(lambda command=command, key=key: self.supervise() or self.ask(command, key) == 0,
                               f"{key} is empty")
        self.kill_workers()
        verify(self.proxy, self.behind)


class RqTest(JobsCase):
    program = "rq_jobs.py"

    def test_no_job_is_lost(self):
        self.begin([self.python(self.program, "work")] * 2)
        self.run_jobs(self.done)
        self.check_end(("LLEN", "rq:queue:jobs"), ("LLEN", "rq:queue:jobs:intermediate"), ("ZCARD", "rq:wip:jobs"),
                       ("ZCARD", "rq:failed:jobs"))


class CeleryTest(JobsCase):
    """Celery takes a message with BRPOP, and notes with its next request that it has it. One whose BRPOP was carried
    out but not answered, as the connection broke, is in nobody's hands: Celery loses it with any server, and a
    producer who cares enqueues once more what has no result. Here that is done with those of which the log shows that
    they were lost in this way; one that is lost in any other fails the test.
    """

    program = "celery_jobs.py"
    JOBS = 500
    QUIET = 2.5  # seconds without progress after which the test looks what is the matter; a worker starts in less

    def test_no_job_is_lost(self):
        # Mingle asks the other workers whenever a worker connects again, where Kombu may still take an event of the old
        # connection for one of the new, and ends the worker.
        celery = [self.bin / "celery", "-A", "celery_jobs", "worker", "--loglevel", "INFO", "--concurrency", "2",
                  "--without-mingle"]
        self.lost = []
        self.begin([[*celery, "--hostname", f"worker-{number}"] for number in range(2)])
        self.run_jobs(self.done_with_care)
        print(f"  lost with the reply to BRPOP: {self.lost}; workers restarted: {self.restarts}", file=sys.stderr)
        self.run_program("results", self.python(self.program, "results", self.JOBS))
        self.check_end(("LLEN", "celery"), ("HLEN", "unacked"))

    def done_with_care(self):
        count = self.done()
        if time.monotonic() - self.progress < self.QUIET:
            return count
        self.progress = time.monotonic()
        if not self.producer.is_running() and self.ask("LLEN", "celery") == 0 and self.ask("HLEN", "unacked") == 0:
            missing = self.missing()
            self.assert_lost_with_the_reply(missing)
            self.lost += missing
            self.run_program("once-more", self.python(self.program, "again", *missing))
        else:
            # A worker looks for what others have left when it connects, and then only every 100 seconds. And one that
            # gives up takes half a minute to end.
            self.workers.reverse()
            self.kill_worker(self.workers[0])
        return count

    def assert_lost_with_the_reply(self, jobs):
        """All that the log knows of each at last is that it was popped, when the proxy was killed. As a worker waits
        for one pop at a time, that is one of the last pops before the next claim."""
        queue, popped, tags, last = [], [], {}, {}

        def job_of(message):
            return json.loads(message)["headers"].get("id", "").replace("job-", "")

        for record in self.log_records():
            if record["type"] == "claim":
                last.update({job: "lost" for job in popped[-len(self.workers):] if last[job] == "popped"})
                popped = []
            for name, key, *rest in (command["args"] for command in record.get("commands", ()) if command["db"] == 0):
                if (name, key) in (("LPUSH", "celery"), ("RPUSH", "celery")):
                    queue.insert(0 if name == "LPUSH" else len(queue), rest[0])
                    last[job_of(rest[0])] = "queued"
                elif (name, key) == ("RPOP", "celery") and queue:  # of two that were woken, one may find nothing
                    popped.append(job_of(queue.pop()))
                    last[popped[-1]] = "popped"
                elif (name, key) == ("HSET", "unacked"):
                    tags[rest[0]] = job_of(json.dumps(json.loads(rest[1])[0]))
                    last[tags[rest[0]]] = "taken"
                elif (name, key) == ("HDEL", "unacked"):
                    last[tags[rest[0]]] = "acknowledged"
        self.assertEqual({job: last.get(job) for job in jobs}, dict.fromkeys(jobs, "lost"))

    def log_records(self):
        shown = harness.recover("inspect", "--json", "--log", self.proxy.log).stdout.splitlines()[:-1]
        return map(json.loads, shown)


if __name__ == "__main__":
    unittest.main()
