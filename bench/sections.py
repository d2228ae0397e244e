"""The sections of the report: what is run in each, in which order."""
import os
import sqlite3
import subprocess

import measure
import servers
from servers import harness

NAMES = ("set", "incr", "get", "tls", "replay", "idle")
SHAPES = [(connections, pipeline) for connections in (1, 50, 500) for pipeline in (1, 16)]
KEYS = 100_000
IDLE_CONNECTIONS = 10_000
LONGER = 4  # how many times as long the log is whose replay shall take no more memory

KAFKA, SQLITE, RAW = "Holdfast, Kafka", "Holdfast, SQLite", "raw librdkafka"
ALWAYS, PLAIN, DIRECT = "Redis, appendfsync always", "Redis, no persistence", "Redis, direct"
AOF, REPLAY, LONG_REPLAY = "Redis loads its AOF", "holdfast-recover replay", f"the same, log {LONGER} times as long"
REBUILD, IDLE = "Holdfast starts with an empty Redis", "Holdfast"


FAILURES = (measure.Failed, harness.RespError, AssertionError, OSError, sqlite3.Error, subprocess.SubprocessError)


class Bench:
    """Runs sections and collects what they measured: results[(section, shape, name)] is a list of one run each round,
    None where it failed."""

    def __init__(self, place, rounds, commands, say):
        """commands: how many the log has that is replayed. say: a function that takes a line of progress."""
        self.place = place
        self.rounds = rounds
        self.commands = commands
        self.say = say
        self.results = {}
        self.failures = []
        self.durable = None

    def run(self, section):
        """What fails is told in the report, and the rest goes on."""
        run = {"set": self.writes, "incr": self.writes, "get": self.reads, "tls": self.tls, "replay": self.replay, "idle": self.idle}
        try:
            run[section](section)
        except FAILURES as failure:
            self.failed(section, failure)

    def attempt(self, section, shape, name, run):
        """One measurement."""
        os.sync()  # what others wrote is not to be paid for by this one's fsync
        try:
            result = run()
        except FAILURES as failure:
            # The rounds of the competitors stay side by side.
            result = None
            self.failed(f"{section} {shape}, {name}", failure)
        self.results.setdefault((section, shape, name), []).append(result)

    def failed(self, what, failure):
        text = " ".join(str(failure).split()) or type(failure).__name__
        self.failures.append(f"{what}: {text}")
        self.say(f"  failed: {self.failures[-1]}")

    def interleaved(self, section, competitors, command=None):
        """All competitors in turn, and that several times: what disturbs the machine disturbs them alike."""
        command = command or section
        for shape in SHAPES:
            self.say(f"{section}, connections {shape[0]}, pipeline {shape[1]}")
            for _ in range(self.rounds):
                for competitor in competitors:
                    self.attempt(section, shape, competitor.name, lambda it=competitor: it.run(command, *shape))

    def writes(self, section):
        if self.durable is None:
            self.say("starting three brokers")
            cluster = harness.KafkaCluster(self.place.folder("kafka")).start()
            kafka = servers.HoldfastKafka(self.place, KAFKA, cluster)
            self.durable = [kafka, servers.RawKafka(self.place, RAW, cluster, kafka),
                            servers.HoldfastSqlite(self.place, SQLITE),
                            servers.redis_alone(self.place, ALWAYS, servers.FSYNC_ALWAYS),
                            servers.redis_alone(self.place, PLAIN)]
            # What has just been started is slow at first, brokers in Java above all.
            for _ in range(3):
                for shape in ((1, 1), (50, 16)):
                    for server in self.durable:
                        server.run(section, *shape)
        for server in self.durable:
            server.flush()
        self.interleaved(section, self.durable)

    def reads(self, section):
        holdfast = servers.HoldfastSqlite(self.place, SQLITE)
        direct = servers.redis_alone(self.place, DIRECT)
        for server in (holdfast, direct):
            self.place.fill(server.port, KEYS, KEYS)
        self.interleaved(section, [holdfast, direct, *servers.other_proxies(self.place, direct)])

    def tls(self, section):
        keys = servers.Certificates(self.place)
        ours, theirs = harness.free_port(), harness.free_port()
        holdfast = servers.HoldfastSqlite(self.place, SQLITE, [*keys.flags(), "--tls-listen", f"127.0.0.1:{ours}"])
        direct = servers.redis_alone(self.place, DIRECT, [*keys.flags(), "--tls-port", theirs, "--tls-ca-cert-file",
                                                          keys.authority.cert])
        for server in (holdfast, direct):
            self.place.fill(server.port, KEYS, KEYS)
        self.interleaved(section, [holdfast, keys.secure(holdfast, ours), direct, keys.secure(direct, theirs)], "get")

    def replay(self, section):
        place, count = self.place, self.commands
        self.say(f"writing logs of {count:,} and {LONGER * count:,} SETs, and an AOF")
        log = servers.written_log(place, count, count)
        long_log = servers.written_log(place, LONGER * count, count)
        aof = servers.AofRedis(place)
        aof.start()
        place.fill(aof.port, count, count)
        aof.stop()
        for number in range(self.rounds):
            self.say(f"replay, round {number + 1}")
            self.attempt(section, count, AOF, lambda: aof.load(count))
            self.attempt(section, count, REPLAY, lambda: servers.replay(place, log, count, count))
            self.attempt(section, count, REBUILD, lambda: servers.rebuild(place, log, count, count))
        self.attempt(section, count, LONG_REPLAY, lambda: servers.replay(place, long_log, LONGER * count, count))

    def idle(self, section):
        self.say(f"{IDLE_CONNECTIONS:,} idle connections")
        self.attempt(section, IDLE_CONNECTIONS, IDLE, lambda: servers.idle_memory(self.place, IDLE_CONNECTIONS))
