"""What is measured: servers that are started once, and how a measurement of each is made."""
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "system"))
import harness  # noqa: E402

RAW_IN_FLIGHT = 5  # librdkafka has no more requests under way with idempotence
PLAIN = []
APPEND_ONLY = ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"]
ALWAYS = APPEND_ONLY + ["--appendfsync", "always"]


class Place:
    """Where programs and data are, and how long to measure."""

    def __init__(self, build, directory, redis_build, seconds):
        self.build = build
        self.directory = directory
        self.redis_build = redis_build
        self.seconds = seconds
        self.counter = 0

    def folder(self, name):
        self.counter += 1
        folder = self.directory / f"{self.counter}-{name}"
        folder.mkdir()
        return folder

    def redis(self, options=(), name="redis"):
        return harness.RedisServer(self.redis_build, self.folder(name), options).start()

    def holdfast(self, redis, log=None, flags=(), name="holdfast"):
        return harness.Holdfast(self.folder(name), redis, log, ["--log-level", "warn", *flags])

    def load_command(self, port, command, connections, pipeline, *more):
        return [self.build / "bench" / "bench-load", "--port", port, "--command", command, "--connections", connections,
                "--pipeline", pipeline, "--seconds", self.seconds, *more]

    def fill(self, port, count):
        """SETs `count` different keys."""
        subprocess.run([str(part) for part in self.load_command(port, "set", 50, 16, "--requests", count, "--keys",
                                                                count)],
                       check=True, stdout=subprocess.DEVNULL)

    def raw_log(self, cluster, topic, *verb):
        return [self.build / "bench" / "bench-raw-log", "--brokers", cluster.bootstrap, "--topic", topic, *verb]


class Server:
    """Something that answers on a port."""

    def __init__(self, place, name, port, groups):
        """groups: the processes whose CPU time counts, as name: list of process ids."""
        self.place = place
        self.name = name
        self.port = port
        self.groups = groups

    def run(self, command, connections, pipeline):
        return measure.measure(self.place.load_command(self.port, command, connections, pipeline, *self.keys(command)),
                               self.groups)

    @staticmethod
    def keys(command):
        # INCR of a key that SET wrote to would fail.
        return ["--keys", 100_000 if command != "incr" else 10_000]

    def flush(self):
        with harness.Client(self.port) as client:
            client.must("FLUSHALL")


def redis_alone(place, name, options):
    redis = place.redis(options)
    return Server(place, name, redis.port, {"redis": [redis.pid]})


class HoldfastSqlite(Server):
    def __init__(self, place):
        redis = place.redis()
        holdfast = place.holdfast(redis)
        self.file = holdfast.directory / "log.db"
        holdfast.start()
        super().__init__(place, "Holdfast, SQLite", holdfast.port, {"redis": [redis.pid], "holdfast": [holdfast.pid]})

    def end(self):
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as database:
            return database.execute("SELECT coalesce(max(position), -1) + 1 FROM entries").fetchone()[0]

    def sizes(self, start, _end):
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as database:
            row = database.execute("SELECT avg(length(value)), avg(length(header)) FROM (SELECT * FROM entries "
                                   "WHERE position >= ? ORDER BY position LIMIT 200)", (start,)).fetchone()
        return {"value_bytes": row[0], "header_bytes": row[1]}

    def run(self, command, connections, pipeline):
        begin = self.end()
        result = super().run(command, connections, pipeline)
        end = self.end()
        # Out of the middle: at the ends batches are smaller.
        sizes = self.sizes((begin + end) // 2, end)
        result["commands_per_entry"] = result["answered"] / max(end - begin, 1)
        result["entry_value_bytes"] = sizes["value_bytes"]
        result["entry_header_bytes"] = sizes["header_bytes"]
        entries = result["per_second"] / result["commands_per_entry"]
        result["bytes_per_second"] = entries * (sizes["value_bytes"] + sizes["header_bytes"])
        return result


class HoldfastKafka(HoldfastSqlite):
    TOPIC = "holdfast"

    def __init__(self, place, cluster):
        redis = place.redis()
        holdfast = place.holdfast(redis, cluster.url(self.TOPIC)).start()
        self.cluster = cluster
        Server.__init__(self, place, "Holdfast, Kafka", holdfast.port,
                        {"redis": [redis.pid], "holdfast": [holdfast.pid], "brokers": broker_pids(cluster)})

    def end(self):
        return measure.ask(self.place.raw_log(self.cluster, self.TOPIC, "end"))["end"]

    def sizes(self, start, end):
        return measure.ask(self.place.raw_log(self.cluster, self.TOPIC, "sizes", "--from", min(start, end - 1)))


class RawKafka:
    """librdkafka without Holdfast, with entries of the size that Holdfast's had just before."""

    name = "raw librdkafka"

    def __init__(self, place, cluster, model):
        """model: a function that returns the result of Holdfast's run."""
        self.place = place
        self.cluster = cluster
        self.model = model
        self.cell = None
        self.topic = None

    def run(self, command, connections, pipeline):
        if self.cell != (command, connections, pipeline):
            self.new_topic((command, connections, pipeline))
        model = self.model()
        in_flight = 1 if connections == 1 else RAW_IN_FLIGHT
        return measure.measure(
            self.place.raw_log(self.cluster, self.topic, "produce", "--value-bytes", round(model["entry_value_bytes"]),
                               "--header-bytes", round(model["entry_header_bytes"]), "--in-flight", in_flight,
                               "--seconds", self.place.seconds), {"brokers": broker_pids(self.cluster)})

    def new_topic(self, cell):
        """What was written for one cell is of no use for the next one, and there is much of it."""
        if self.topic is not None:
            self.cluster.tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", self.topic)
        self.topic = "raw-" + "-".join(str(part) for part in cell)
        self.cell = cell
        self.cluster.create_topic(self.topic, min_insync_replicas=2, file_delete_delay_ms=1000)


def broker_pids(cluster):
    return [int((cluster.directory / f"node-{number}" / "pid").read_text().split()[0])
            for number in range(1, cluster.brokers + 1)]


def other_proxies(place, redis):
    """The proxies that this machine has, each in front of the Redis that is also measured directly."""
    found = []
    for name, configure in (("nutcracker", nutcracker_command), ("predixy", predixy_command)):
        program = shutil.which(name)
        if program is None:
            continue
        proxy = harness.RespProcess(name, place.folder(name))
        proxy.launch(configure(program, proxy, redis.port))
        harness.wait_until(lambda proxy=proxy: gets(proxy.port), f"{name} answers")
        found.append(Server(place, name, proxy.port, {**redis.groups, name: [proxy.pid]}))
    return found


def gets(port):
    try:
        with harness.Client(port, timeout=5) as client:
            return not isinstance(client.command("GET", "key:000000000000"), harness.RespError)
    except OSError:
        return False


def nutcracker_command(program, proxy, redis_port):
    config = proxy.directory / "nutcracker.yml"
    config.write_text(f"bench:\n  listen: 127.0.0.1:{proxy.port}\n  hash: fnv1a_64\n  distribution: ketama\n"
                      f"  redis: true\n  preconnect: true\n  backlog: 1024\n  servers:\n"
                      f"   - 127.0.0.1:{redis_port}:1\n")
    return [program, "-c", config, "-s", harness.free_port(), "-a", "127.0.0.1"]


def predixy_command(program, proxy, redis_port):
    config = proxy.directory / "predixy.conf"
    config.write_text(f"Name bench\nBind 127.0.0.1:{proxy.port}\nWorkerThreads 1\nClientTimeout 0\n"
                      "Authority {\n    Auth {\n        Mode write\n    }\n}\n"
                      "StandaloneServerPool {\n    RefreshMethod fixed\n    Group one {\n"
                      f"        + 127.0.0.1:{redis_port}\n    }}\n}}\n")
    return [program, config]
