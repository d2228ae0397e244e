"""The sections of the report: what is run in each, in which order."""
import os
import re
import resource
import subprocess
import time

import measure
import servers
from servers import harness

SHAPES = [(connections, pipeline) for connections in (1, 50, 500) for pipeline in (1, 16)]
IDLE_CONNECTIONS = 10_000


class Bench:
    """Runs sections and collects what they measured: results[(section, shape, name)] is a list of one run each round."""

    def __init__(self, place, rounds, entries, say):
        """entries: how many commands the log has that is replayed."""
        self.place = place
        self.rounds = rounds
        self.entries = entries
        self.say = say
        self.results = {}
        self.failures = []
        self.cluster = None
        self.durable = None

    def latest(self, section, shape, name):
        runs = self.results.get((section, shape, name))
        if not runs:
            raise measure.Failed(f"there is no run of {name}")
        return runs[-1]

    def attempt(self, section, shape, name, run):
        """One measurement. One that fails is told in the report, and the others go on."""
        os.sync()  # what others wrote is not to be paid for by this one's fsync
        try:
            result = run()
        except (measure.Failed, AssertionError, OSError, subprocess.SubprocessError) as failure:
            self.failures.append(f"{section} {shape_text(shape)} {name}: {str(failure).strip().splitlines()[-1]}")
            self.say(f"  failed: {self.failures[-1]}")
            return
        self.results.setdefault((section, shape, name), []).append(result)

    def interleaved(self, section, competitors):
        """All competitors in turn, and that several times: what disturbs the machine disturbs them alike."""
        for shape in SHAPES:
            self.say(f"{section} {shape_text(shape)}")
            for _ in range(self.rounds):
                for competitor in competitors:
                    self.attempt(section, shape, competitor.name,
                                 lambda competitor=competitor: competitor.run(section, *shape))

    # --- durable writes ---

    def writes(self, command):
        if self.durable is None:
            self.say("starting three brokers")
            self.cluster = harness.KafkaCluster(self.place.folder("kafka")).start()
            kafka = servers.HoldfastKafka(self.place, self.cluster)
            self.durable = [kafka, servers.HoldfastSqlite(self.place),
                            servers.redis_alone(self.place, "Redis, appendfsync always", servers.ALWAYS),
                            servers.redis_alone(self.place, "Redis, no persistence", servers.PLAIN)]
        for server in self.durable:
            server.flush()
        competitors = list(self.durable)
        raw = servers.RawKafka(self.place, self.cluster,
                               lambda: self.latest(command, raw.shape, self.durable[0].name))
        competitors.insert(1, raw)
        self.interleaved(command, competitors)

    def set(self):
        self.writes("set")

    def incr(self):
        self.writes("incr")

    # --- reads ---

    def get(self):
        holdfast = servers.HoldfastSqlite(self.place)
        direct = servers.redis_alone(self.place, "Redis, direct", servers.PLAIN)
        for server in (holdfast, direct):
            self.place.fill(server.port, 100_000)
        competitors = [reads_only(holdfast), direct, *servers.other_proxies(self.place, direct)]
        self.interleaved("get", competitors)

    # --- recovery ---

    def replay(self):
        place, count = self.place, self.entries
        self.say(f"writing {count:,} SETs through Holdfast, and to a Redis with an AOF")
        writer, log = self.written_log(count)
        aof = place.redis(servers.APPEND_ONLY, "aof")
        place.fill(aof.port, count)
        aof.stop()
        writer.stop()
        shape = (count,)
        for number in range(self.rounds):
            self.say(f"replay, round {number + 1}")
            self.attempt("replay", shape, "Redis loads its AOF", lambda: self.load_aof(aof, count))
            self.attempt("replay", shape, "holdfast-recover replay", lambda: self.recover(log, count))
            self.attempt("replay", shape, "Holdfast fills an empty Redis", lambda: self.rebuild(log, count))
        self.long_log()

    def written_log(self, count, keys=None):
        """A log of `count` SETs; returns its writer, still running, and its URL."""
        redis = self.place.redis()
        writer = self.place.holdfast(redis).start()
        writer_load = self.place.load_command(writer.port, "set", 50, 16, "--requests", count, "--keys", keys or count)
        subprocess.run([str(part) for part in writer_load], check=True, stdout=subprocess.DEVNULL)
        redis_directory = redis  # kept running: the writer settles its last batches with it
        writer.redis_process = redis_directory
        return writer, writer.log
