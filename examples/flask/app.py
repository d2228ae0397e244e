"""A web service on a Redis cluster: hashes, over HTTP. It is written as for any Redis cluster, Amazon MemoryDB among them;
that there is Holdfast makes no difference to it. See README.md for the routes.

The environment says where the cluster is: REDIS_HOST, REDIS_PORT, REDIS_SSL (yes or no), REDIS_SSL_CA (a file, where the
server's certificate is not signed by a known authority), REDIS_USERNAME, REDIS_PASSWORD."""
import os
import threading

from flask import Flask, jsonify, request
from redis.exceptions import ConnectionError, RedisError  # pylint: disable=redefined-builtin

try:
    # redis-py-cluster, which was taken into redis-py 4.1 as RedisCluster.
    from rediscluster import RedisCluster
    from rediscluster.exceptions import ClusterError, RedisClusterException
    OLD = True
except ImportError:
    from redis.cluster import RedisCluster
    from redis.exceptions import ClusterError, RedisClusterException
    OLD = False

HOST, PORT = os.environ.get("REDIS_HOST", "127.0.0.1"), int(os.environ.get("REDIS_PORT", "6379"))

app = Flask(__name__)
_lock = threading.Lock()
_clients = []


def cluster():
    """The one client of all requests. It asks the cluster for its slots when it is made, so that is tried again until
    the cluster is there."""
    with _lock:
        if not _clients:
            options = {"decode_responses": True, "skip_full_coverage_check": True, "socket_timeout": 10}
            if os.environ.get("REDIS_SSL", "no") == "yes":
                options.update(ssl=True, ssl_ca_certs=os.environ.get("REDIS_SSL_CA") or None)
            if os.environ.get("REDIS_PASSWORD"):
                options.update(username=os.environ.get("REDIS_USERNAME") or None, password=os.environ["REDIS_PASSWORD"])
            options.update({"startup_nodes": [{"host": HOST, "port": PORT}]} if OLD else {"host": HOST, "port": PORT})
            _clients.append(RedisCluster(**options))
        return _clients[0]


@app.get("/ping")
def ping():
    answer = cluster().ping()
    if isinstance(answer, dict):  # what each node said
        answer = bool(answer) and all(answer.values())
    if not answer:
        raise RedisClusterException("no node answers")
    return jsonify(pong=True)


@app.get("/keys")
def keys():
    return jsonify(sorted(cluster().scan_iter("*", count=100)))


@app.post("/hashes/<key>")
def set_fields(key):
    fields = request.get_json()
    if not isinstance(fields, dict) or not fields:
        return jsonify(error="a JSON object with at least one field is needed"), 400
    return jsonify(added=cluster().hset(key, mapping=fields))


@app.get("/hashes/<key>")
def get_fields(key):
    return jsonify(cluster().hgetall(key))


@app.delete("/keys/<key>")
def delete(key):
    return jsonify(deleted=cluster().delete(key))


@app.errorhandler(RedisError)
@app.errorhandler(RedisClusterException)
def unavailable(error):
    """The cluster is away, or refuses: whoever asked may try again. A cluster client that has lost its last node does not
    look for it any more, so the next request gets a new one."""
    if isinstance(error, (RedisClusterException, ConnectionError, ClusterError)):
        with _lock:
            _clients.clear()
    return jsonify(error=str(error)), 503


if __name__ == "__main__":
    app.run(host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8000")), threaded=True)
