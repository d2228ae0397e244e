"""A client of a Redis cluster: redis-py's RedisCluster, or, where it is installed, the older redis-py-cluster's."""
import os
import sys
import time

import redis

try:
    from rediscluster import RedisCluster
    OLD = True
except ImportError:
    from redis.cluster import RedisCluster
    OLD = False

HOST, PORT = os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"])
MANY = 500
SOON = 10


def connect(**options):
    options = {"decode_responses": True, "skip_full_coverage_check": True, **options}
    if OLD:
        return RedisCluster(startup_nodes=[{"host": HOST, "port": PORT}], **options)
    return RedisCluster(host=HOST, port=PORT, **options)


def same(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def refused(call, text):
    try:
        got = call()
    except redis.ResponseError as error:
        assert text in str(error), error
        return
    raise AssertionError(f"not refused: {got!r}")


def message(get, kind):
    """The next message of a kind."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        got = get(timeout=0.1)
        if got is not None and got["type"] == kind:
            return got["channel"], got["data"]
    raise AssertionError(f"no {kind}")


def check(r):
    r.flushall()
    # Keys of many slots, one by one and in a pipeline, which the client takes apart.
    for number in range(MANY):
        r.set(f"key:{number}", number)
    with r.pipeline() as pipe:
        for number in range(MANY):
            pipe.get(f"key:{number}")
        same(pipe.execute(), [str(number) for number in range(MANY)])
    same(len(set(r.scan_iter("key:*", count=100))), MANY)
    same((r.mget if OLD else r.mget_nonatomic)("key:1", "key:2"), ["1", "2"])

    # What shares a slot may be in one command, one script.
    node = {} if OLD else {"target_nodes": r.get_primaries()[0]}
    r.execute_command("MSET", "{tag}a", "1", "{tag}b", "2", **node)
    same(r.execute_command("MGET", "{tag}a", "{tag}b", **node), ["1", "2"])
    same(r.hset("{tag}h", mapping={"x": "1", "y": "2"}), 2)
    same(r.hgetall("{tag}h"), {"x": "1", "y": "2"})
    script = "return redis.call('incrby', KEYS[1], redis.call('get', KEYS[2]))"
    same(r.eval(script, 2, "{tag}a", "{tag}b"), 3)

    # And what does not is refused by the server, whatever the client thinks of it.
    refused(lambda: r.execute_command("MSET", "a", "1", "b", "2", **node), "hash to the same slot")

    pubsub = r.pubsub()
    pubsub.subscribe("channel")
    message(pubsub.get_message, "subscribe")
    same(r.publish("channel", "hello"), 1)
    same(message(pubsub.get_message, "message"), ("channel", "hello"))
    pubsub.close()
    if not OLD and not r.info("server", **node)["redis_version"].startswith("6."):
        pubsub = r.pubsub()
        pubsub.ssubscribe("{tag}channel")
        message(pubsub.get_sharded_message, "ssubscribe")
        same(r.spublish("{tag}channel", "sharded"), 1)
        same(message(pubsub.get_sharded_message, "smessage"), ("{tag}channel", "sharded"))
        pubsub.close()
    r.flushall()


for protocol in ({},) if OLD else ({"protocol": 2}, {"protocol": 3}):
    check(connect(**protocol))
print(f"{'redis-py-cluster' if OLD else 'redis-py'} is content", file=sys.stderr)
