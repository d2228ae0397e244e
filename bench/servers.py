"""What is measured: servers that are started once, and how a measurement of each is made."""
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "system"))
import certificates  # noqa: E402
import harness  # noqa: E402

RAW_IN_FLIGHT = 5  # librdkafka has no more requests under way with idempotence
APPEND_ONLY = ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"]
FSYNC_ALWAYS = APPEND_ONLY + ["--appendfsync", "always"]


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

    def fill(self, port, count, keys):
        """Sends `count` SETs, to so many keys in turn."""
        measure.measure(self.load_command(port, "set", 50, 16, "--requests", count, "--keys", keys), {})

    def raw_log(self, cluster, topic, *verb):
        return [self.build / "bench" / "bench-raw-log", "--brokers", cluster.bootstrap, "--topic", topic, *verb]


class Server:
    """Something that answers on a port."""

    more = ()  # arguments of bench-load

    def __init__(self, place, name, port, groups):
        """groups: the processes whose CPU time counts, as name: list of process ids."""
        self.place = place
        self.name = name
        self.port = port
        self.groups = groups

    def run(self, command, connections, pipeline):
        return measure.measure(self.place.load_command(self.port, command, connections, pipeline, *self.more),
                               self.groups)

    def flush(self):
        """INCR of a key that SET wrote to would fail."""
        with harness.Client(self.port) as client:
            client.must("FLUSHALL")


def redis_alone(place, name, options=()):
    redis = place.redis(options)
    return Server(place, name, redis.port, {"redis": [redis.pid]})


class Certificates:
    """What a server needs for TLS, and who connects to it."""

    def __init__(self, place):
        self.authority = certificates.Authority(place.folder("certificates"))
        self.server = self.authority.issue("server")

    def flags(self):
        """Redis's and Holdfast's are called alike."""
        return ["--tls-cert-file", self.server.cert, "--tls-key-file", self.server.key, "--tls-auth-clients", "no"]

    def secure(self, server, port):
        """The same server with TLS, at that port."""
        secure = Server(server.place, f"{server.name}, TLS", port, server.groups)
        secure.more = ("--tls-ca", self.authority.cert)
        return secure


class HoldfastServer(Server):
    """A proxy and its Redis; what is measured of writes includes the size of the entries in the log."""

    def run(self, command, connections, pipeline):
        if command == "get":
            return super().run(command, connections, pipeline)
        begin = self.log_end()
        result = super().run(command, connections, pipeline)
        end = self.log_end()
        entry = self.entry_sizes(begin, end)
        result["commands_per_entry"] = result["answered"] / (end - begin)
        result["value_bytes"], result["header_bytes"] = entry["value_bytes"], entry["header_bytes"]
        result["bytes_per_second"] = (result["per_second"] / result["commands_per_entry"]
                                      * (entry["value_bytes"] + entry["header_bytes"]))
        return result


class HoldfastSqlite(HoldfastServer):
    def __init__(self, place, name, flags=()):
        redis = place.redis()
        holdfast = place.holdfast(redis, flags=flags).start()
        self.file = holdfast.directory / "log.db"
        super().__init__(place, name, holdfast.port, {"redis": [redis.pid], "holdfast": [holdfast.pid]})

    def log_end(self):
        return self.query("SELECT coalesce(max(position), -1) + 1 FROM entries")[0]

    def entry_sizes(self, begin, end):
        row = self.query("SELECT avg(length(value)), avg(length(header)) FROM entries WHERE position >= ? AND "
                         "position < ?", begin, end)
        return {"value_bytes": row[0], "header_bytes": row[1]}

    def query(self, text, *values):
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as database:
            return database.execute(text, values).fetchone()


class HoldfastKafka(HoldfastServer):
    TOPIC = "holdfast"

    def __init__(self, place, name, cluster):
        redis = place.redis()
        holdfast = place.holdfast(redis, cluster.url(self.TOPIC)).start()
        self.cluster = cluster
        self.last = None  # its latest run
        super().__init__(place, name, holdfast.port,
                         {"redis": [redis.pid], "holdfast": [holdfast.pid], "brokers": broker_pids(cluster)})

    def run(self, command, connections, pipeline):
        self.last = None
        self.last = super().run(command, connections, pipeline)
        return self.last

    def log_end(self):
        return measure.ask(self.place.raw_log(self.cluster, self.TOPIC, "end"))["end"]

    def entry_sizes(self, begin, end):
        return measure.ask(self.place.raw_log(self.cluster, self.TOPIC, "sizes", "--from", begin, "--to", end))


class RawKafka:
    """librdkafka without Holdfast, with entries of the size that Holdfast's had just before."""

    def __init__(self, place, name, cluster, model):
        """model: the HoldfastKafka."""
        self.place = place
        self.name = name
        self.cluster = cluster
        self.model = model
        self.cell = None
        self.topic = None

    def run(self, command, connections, pipeline):
        require(self.model.last is not None, "Holdfast's run failed, so there is no size of entries to go by")
        if self.cell != (command, connections, pipeline):
            self.new_topic((command, connections, pipeline))
        entry = self.model.last
        result = measure.measure(
            self.place.raw_log(self.cluster, self.topic, "produce", "--value-bytes", round(entry["value_bytes"]),
                               "--header-bytes", round(entry["header_bytes"]), "--in-flight",
                               1 if connections == 1 else RAW_IN_FLIGHT, "--seconds", self.place.seconds),
            {"brokers": broker_pids(self.cluster)})
        # So many commands would be in entries of this size.
        result["entries_per_second"] = result["per_second"]
        result["per_second"] *= entry["commands_per_entry"]
        return {**result, "value_bytes": entry["value_bytes"], "header_bytes": entry["header_bytes"],
                "commands_per_entry": entry["commands_per_entry"]}

    def flush(self):
        pass  # there are no keys

    def new_topic(self, cell):
        """What was written for one cell is of no use for the next one, and there is much of it."""
        if self.topic is not None:
            self.cluster.tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", self.topic)
        self.topic = "raw-" + "-".join(str(part) for part in cell)
        self.cell = cell
        self.cluster.create_topic(self.topic, min_insync_replicas=2, file_delete_delay_ms=1000)


class AofRedis(harness.RedisServer):
    """A Redis whose data is an AOF, which it can be timed loading."""

    def __init__(self, place):
        super().__init__(place.redis_build, place.folder("aof"), APPEND_ONLY, name="redis")

    def load(self, count):
        """Starts it with the AOF that is there; it has stopped again when the result is returned."""
        self.launch([self.program, ROOT / "scripts" / "redis.conf", "--port", self.port, "--bind", "127.0.0.1", "--dir",
                     self.directory / "redis-data", *self.options])
        self.wait_ready()
        keys, cpu = key_count(self.port), measure.cpu_seconds(self.pid)
        self.kill()
        require(keys == count, f"{keys} keys after loading, not {count}")
        # What Redis says itself: without the start of the process.
        seconds = float(re.findall(r"DB loaded from append only file: ([0-9.]+) seconds", self.said())[-1])
        return {"seconds": seconds, "per_second": count / seconds, "cpu": {"redis": cpu}}


def written_log(place, count, keys):
    """The URL of an SQLite log of `count` SETs, written by a Holdfast that has stopped."""
    redis = place.redis()
    writer = place.holdfast(redis).start()
    place.fill(writer.port, count, keys)
    writer.stop()
    redis.kill()
    return writer.log


def replay(place, log, commands, keys):
    """Times holdfast-recover with an empty Redis."""
    redis = place.redis()
    with open(place.folder("recover") / "out", "w+b") as output:
        begin = time.monotonic()
        # Not by subprocess.run: wait4() tells the most memory that this one process had.
        child = subprocess.Popen([str(place.build / "holdfast-recover"), "replay", "--log", log, "--to-redis",
                                  redis.address], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begin
        output.seek(0)
        said = output.read().decode(errors="replace").strip()
    found, cpu = key_count(redis.port), measure.cpu_seconds(redis.pid)
    redis.kill()
    require(child.returncode == 0, said or f"holdfast-recover ended with status {child.returncode}")
    require(found == keys, f"{found} keys after the replay, not {keys}")
    return {"seconds": seconds, "per_second": commands / seconds, "peak_mb": usage.ru_maxrss / 1024,
            "cpu": {"redis": cpu, "holdfast": usage.ru_utime + usage.ru_stime}}


def rebuild(place, log, commands, keys):
    """Times a proxy that starts in front of an empty Redis."""
    redis = place.redis()
    holdfast = place.holdfast(redis, log)
    begin = time.monotonic()
    holdfast.start(wait=False)
    harness.wait_until(holdfast.answers, "Holdfast is ready", timeout=300)
    seconds = time.monotonic() - begin
    found = key_count(redis.port)
    result = {"seconds": seconds, "per_second": commands / seconds,
              "peak_mb": measure.status_kib(holdfast.pid, "VmHWM") / 1024,
              "cpu": {"redis": measure.cpu_seconds(redis.pid), "holdfast": measure.cpu_seconds(holdfast.pid)}}
    holdfast.stop()
    redis.kill()
    require(found == keys, f"{found} keys after the start, not {keys}")
    return result


def idle_memory(place, connections):
    """What a proxy takes before and with connections that do nothing, each of which was used once."""
    holdfast = place.holdfast(place.redis(), flags=["--limits-clients", connections + 100]).start()
    before = measure.status_kib(holdfast.pid, "VmRSS") / 1024
    command = place.load_command(holdfast.port, "get", connections, 1, "--idle")
    with subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as load:
        opened = load.stdout.readline() == "measuring\n"
        after = measure.status_kib(holdfast.pid, "VmRSS") / 1024
        load.stdin.close()
        complaint = load.stderr.read().strip()
    require(opened, complaint)
    holdfast.kill()
    return {"before_mb": before, "with_mb": after, "kib_each": (after - before) * 1024 / connections}


def key_count(port):
    with harness.Client(port) as client:
        return client.must("DBSIZE")


def require(fine, otherwise):
    if not fine:
        raise measure.Failed(otherwise)


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
