"""redis-py with TLS, as a user with a password: its pool, its cluster client, its asynchronous one."""
import asyncio
import os
import sys

import redis
import redis.asyncio
import redis.cluster

ENVIRONMENT = {
    "host": os.environ["REDIS_HOST"], "port": int(os.environ["REDIS_PORT"]), "ssl": True,
    "ssl_ca_certs": os.environ["REDIS_SSL_CA"], "username": os.environ["REDIS_USERNAME"],
    "password": os.environ["REDIS_PASSWORD"], "decode_responses": True,
}
STRANGERS = ({"password": "wrong"}, {"username": "nobody"}, {"username": None, "password": None})


def same(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def refused(call, kind):
    try:
        got = call()
    except kind:
        return
    raise AssertionError(f"not refused: {got!r}")


def check(connect, not_let_in):
    r = connect()
    r.set("k", "v")
    same(r.get("k"), "v")
    refused(r.flushall, redis.exceptions.NoPermissionError)
    same(r.get("k"), "v")
    for stranger in STRANGERS:
        refused(lambda stranger=stranger: connect(**stranger).get("k"), not_let_in)


async def check_asyncio():
    async with redis.asyncio.Redis(**ENVIRONMENT) as r:
        same(await r.get("k"), "v")
        try:
            await r.flushall()
        except redis.exceptions.NoPermissionError:
            return
    raise AssertionError("not refused")


for protocol in (2, 3):
    check(lambda protocol=protocol, **more: redis.Redis(**{**ENVIRONMENT, "protocol": protocol, **more}),
          redis.exceptions.AuthenticationError)
    # It takes a node that refuses it for one that is not there.
    check(lambda protocol=protocol, **more: redis.cluster.RedisCluster(**{**ENVIRONMENT, "protocol": protocol, **more}),
          redis.exceptions.RedisClusterException)
asyncio.run(check_asyncio())
print("redis-py is content", file=sys.stderr)
