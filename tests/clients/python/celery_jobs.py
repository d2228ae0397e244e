"""Jobs in Celery, with Redis as broker and for the results.

    celery_jobs.py enqueue N        enqueues N jobs, each until that was acknowledged, and prints what was
    celery_jobs.py again NUMBER...  enqueues these once more
    celery_jobs.py results N        waits for the results of N jobs
    celery -A celery_jobs worker    a worker

Job number n adds n to the set "done"; its result is n squared.
"""
import os
import sys
import time

import redis
from celery import Celery
from kombu.exceptions import KombuError

ADDRESS = {"host": os.environ["REDIS_HOST"], "port": int(os.environ["REDIS_PORT"])}
SERVER = "redis://{host}:{port}".format(**ADDRESS)
BACKLOG = 30  # jobs that wait at most, so that the producer works as long as the workers do

app = Celery("celery_jobs", broker=f"{SERVER}/0", backend=f"{SERVER}/1")
app.conf.update(
    # A message is acknowledged behind its job, and comes back when its worker is gone.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    broker_transport_options={"visibility_timeout": 2, "unacked_mutex_expire": 2},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    result_backend_always_retry=True,
)
jobs_own = redis.Redis(**ADDRESS)


@app.task
def record(number):
    """Celery drops a job that fails: this one goes on until it is recorded for certain."""
    while True:
        try:
            jobs_own.sadd("done", number)
            return number * number
        except redis.RedisError as error:
            print(f"once more: {number} is done: {error!r}", flush=True)
            time.sleep(0.05)


def enqueue(numbers):
    """As an application does that must not lose a job: its id tells it from others, so it may be enqueued again."""
    broker = redis.Redis(**ADDRESS)
    for number in numbers:
        while True:
            try:
                while broker.llen("celery") >= BACKLOG:
                    time.sleep(0.01)
                record.apply_async((number,), task_id=f"job-{number}", retry=False)
                break
            except (redis.RedisError, KombuError) as error:
                print(f"once more: job {number}: {error!r}", flush=True)
                time.sleep(0.05)
        print(f"acknowledged {number}", flush=True)


def results(count):
    for number in range(count):
        found = app.AsyncResult(f"job-{number}").get(timeout=30)
        assert found == number * number, f"the result of {number} is {found}"


if __name__ == "__main__":
    if sys.argv[1] == "results":
        results(int(sys.argv[2]))
    else:
        enqueue(range(int(sys.argv[2])) if sys.argv[1] == "enqueue" else map(int, sys.argv[2:]))
