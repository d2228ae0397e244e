"""Jobs in RQ.

    rq_jobs.py enqueue N    enqueues N jobs, each until that was acknowledged, and prints what was
    rq_jobs.py work         a worker

Job number n adds n to the set "done".
"""
import os
import sys
import time

import redis
from rq import Queue, Retry, SimpleWorker
from rq.intermediate_queue import IntermediateQueue
from rq.utils import now

QUEUE = "jobs"
BACKLOG = 30  # jobs that wait at most, so that the producer works as long as the workers do
PATIENCE = 3  # seconds after which a job that a worker has taken and says no more of is given to another


def connect(**options):
    return redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]), **options)


jobs_own = connect()


def record(number):
    """The job. One that was not recorded for certain fails, and is tried again."""
    jobs_own.sadd("done", number)


# RQ itself finds the jobs of workers that died between two requests; only it waits for a minute, or for a quarter of an
# hour where the worker held the lock of those that look. What follows shortens that, nothing else.

class Intermediate(IntermediateQueue):
    def should_be_cleaned_up(self, job_id):
        first_seen = self.get_first_seen(job_id)
        return first_seen is not None and (now() - first_seen).total_seconds() > PATIENCE


class JobQueue(Queue):
    @property
    def intermediate_queue(self):
        return Intermediate(self.key, connection=self.connection)

    def acquire_maintenance_lock(self):
        return bool(self.connection.set(self.registry_cleaning_key, 1, nx=True, ex=PATIENCE))


class Worker(SimpleWorker):
    queue_class = JobQueue

    def get_heartbeat_ttl(self, job):
        return PATIENCE


def enqueue(count):
    """As an application does that must not lose a job: its id tells it from others, so it may be enqueued again."""
    queue = JobQueue(QUEUE, connection=connect(retry=None))  # what redis-py tries again by itself is not seen here
    for number in range(count):
        while True:
            try:
                while queue.count >= BACKLOG:
                    time.sleep(0.01)
                queue.enqueue("rq_jobs.record", number, job_id=f"job-{number}", retry=Retry(max=1000))
                break
            except redis.RedisError as error:
                print(f"once more: job {number}: {error!r}", flush=True)
                time.sleep(0.05)
        print(f"acknowledged {number}", flush=True)


def work():
    # The time-out makes a worker look after its server, and its registries, now and then.
    Worker([QUEUE], connection=connect(), worker_ttl=17, maintenance_interval=1).work(logging_level="WARNING")


if __name__ == "__main__":
    if sys.argv[1] == "enqueue":
        enqueue(int(sys.argv[2]))
    else:
        work()
