"""With cluster.enabled, Holdfast answers as a real Redis cluster of one node does: the same bytes, in RESP2 and RESP3, for
every build. What must differ is told by rule: ids and ports are put in words, and what Holdfast refuses or tells in words of
its own has tests of its own."""
import json
import unittest

import harness
from differential_test import SEEDS, DifferentialCase
from sessions_test import Connection

# Replies that must be the same, in this order on one connection; "!": what another one says meanwhile.
SAME = """
    CLUSTER
    CLUSTER FOO
    CLUSTER SLOTS
    CLUSTER SLOTS x
    CLUSTER SHARDS
    CLUSTER NODES
    CLUSTER NODES x
    CLUSTER LINKS
    CLUSTER INFO
    CLUSTER MYID
    CLUSTER MYID x
    CLUSTER MYSHARDID
    CLUSTER KEYSLOT foo
    CLUSTER KEYSLOT {foo}bar
    CLUSTER KEYSLOT {}bar
    CLUSTER KEYSLOT ''
    CLUSTER KEYSLOT
    CLUSTER KEYSLOT a b
    CLUSTER REPLICAS $myid
    CLUSTER SLAVES $myid
    CLUSTER REPLICAS nobody
    CLUSTER SLAVES nobody
    CLUSTER REPLICAS
    CLUSTER COUNT-FAILURE-REPORTS nobody
    CLUSTER COUNT-FAILURE-REPORTS $myid
    CLUSTER SAVECONFIG
    CLUSTER GETSLOTMIGRATIONS
    CLUSTER MIGRATION
    CLUSTER SLOT-STATS
    CLUSTER MEET a
    CLUSTER SYNCSLOTS
    CLUSTER COUNTKEYSINSLOT 12182
    CLUSTER COUNTKEYSINSLOT x
    CLUSTER COUNTKEYSINSLOT -1
    CLUSTER COUNTKEYSINSLOT 16384
    SET foo 1
    CLUSTER COUNTKEYSINSLOT 12182
    CLUSTER GETKEYSINSLOT 12182 10
    CLUSTER GETKEYSINSLOT 12182 0
    CLUSTER GETKEYSINSLOT 12182 -1
    CLUSTER GETKEYSINSLOT 12182 x
    CLUSTER GETKEYSINSLOT x 1
    CLUSTER GETKEYSINSLOT 16384 1
    CLUSTER GETKEYSINSLOT 12182
    READONLY
    READONLY x
    READWRITE
    ASKING
    INFO cluster
    CONFIG GET cluster-enabled
    CONFIG GET databases
    SELECT 0
    SELECT 1
    SELECT -1
    SELECT 99
    SELECT x
    SELECT
    SWAPDB 0 0
    SWAPDB 0 1
    SWAPDB 0
    MOVE foo 1
    MOVE foo 0
    MOVE foo x
    COPY foo bar
    COPY foo bar DB 1
    COPY foo {foo}bar DB 1
    COPY foo {foo}bar REPLACE DB 1
    COPY foo {foo}bar DB x
    COPY foo {foo}bar NONSENSE DB 1
    COPY foo {foo}bar DB 0
    MSET a 1 b 2
    MSET a 1 b
    MSET {a}1 1 {a}2 2
    MGET a b
    MGET {a}1 {a}2
    DEL a b
    DEL {a}1 {a}2
    UNLINK a b
    EXISTS a b
    TOUCH a b
    RENAME a b
    BITOP AND a b c
    PFCOUNT a b
    PFMERGE a b
    SUNIONSTORE a b
    SMOVE a b c
    LMOVE a b LEFT LEFT
    BLMOVE a b LEFT LEFT 0
    BLPOP a b 0
    BLPOP a {a}b 0.01
    BRPOPLPUSH a b 0
    GEORADIUS a 1 1 1 m STORE b
    GEORADIUS a 1 1 1 m STORE {a}b
    GEORADIUSBYMEMBER a m 1 m STOREDIST b
    GEOSEARCHSTORE a b FROMMEMBER m BYRADIUS 1 m
    EVAL 'return 1' 2 a b
    EVAL 'return 1' 2 a {a}b
    EVAL 'return 1' 3 a b
    EVAL 'return 1' x a b
    EVAL 'return 1' -1 a b
    EVAL 'return 1' 0 a b
    EVAL_RO 'return 1' 2 a b
    EVALSHA 0000000000000000000000000000000000000000 2 a b
    EVALSHA_RO 0000000000000000000000000000000000000000 2 a b
    FCALL f 2 a b
    FCALL_RO f 2 a b
    XREAD STREAMS a b 0 0
    XREAD COUNT 1 STREAMS a {a}b 0 0
    XREADGROUP GROUP g c STREAMS a b > >
    XREADGROUP GROUP streams c STREAMS a b > >
    XGROUP CREATE a g $
    SORT a STORE b
    SORT a STORE {a}b
    SORT a STORE b STORE {a}b
    SORT a BY nosort
    SORT a BY w_*
    SORT a BY {a}w_*
    SORT a BY w_*{a}
    SORT a GET b
    SORT a GET #
    SORT a GET {a}*
    SORT a LIMIT x y BY w_*
    SORT_RO a BY w_*
    ZUNION 2 a b
    ZUNION 2 a {a}b
    ZUNION 3 a b
    ZUNIONSTORE a 1 b
    ZUNIONSTORE a 2 {a}b {a}c
    ZINTERSTORE a 2 {a}b c
    ZDIFFSTORE a 1 b
    ZDIFF 2 a b
    ZINTER 2 a b
    ZINTERCARD 2 a b
    SINTERCARD 2 a b
    ZRANGESTORE a b 0 1
    LMPOP 2 a b LEFT
    BLMPOP 0 2 a b LEFT
    ZMPOP 2 a b MIN
    BZMPOP 0 2 a b MIN
    LCS a b
    STRALGO LCS KEYS a b
    STRALGO LCS STRINGS a b
    MEMORY USAGE a
    OBJECT ENCODING a
    XADD a b
    NOSUCHCOMMAND a b
    WATCH a b
    WATCH {a}1 {a}2
    UNWATCH
    PUBLISH a b
    SPUBLISH a b
    SPUBLISH a b c
    SSUBSCRIBE a b
    SUNSUBSCRIBE a b
    MULTI
    SET a 1
    SET b 1
    EXEC
    GET a
    MULTI
    SET a 1
    SET b 1
    NOSUCHCOMMAND
    EXEC
    MULTI
    NOSUCHCOMMAND
    SET a 1
    SET b 1
    EXEC
    MULTI
    SET {a}1 1
    INCR {a}1
    PING
    EXEC
    MULTI
    MGET a b
    GET a
    EXEC
    MULTI
    SSUBSCRIBE a b
    EXEC
    MULTI
    WATCH a b
    EXEC
    WATCH a
    !SET a 1
    MULTI
    GET a
    GET b
    EXEC
    WATCH a
    MULTI
    GET a
    GET b
    !SET a 1
    EXEC
    DEL a
    MULTI
    SELECT 1
    SELECT 0
    SWAPDB 0 1
    MOVE foo 1
    COPY foo {foo}bar DB 1
    SORT foo BY w_*
    EXEC
    MULTI
    SWAPDB 0 1
    EXEC
    MULTI
    CLUSTER SLOTS
    CLUSTER MYID
    CLUSTER KEYSLOT a
    READONLY
    ASKING
    EXEC
    MULTI
    EVAL 'return 1' 1 a
    XREAD STREAMS b 0
    EXEC
    DBSIZE
    FLUSHALL
    HELLO
"""
# What would change the topology, or tells of what is only Redis's.
REFUSED = ("ADDSLOTS 1", "BUMPEPOCH", "DELSLOTS 1", "FAILOVER", "FAILOVER FORCE", "FLUSHSLOTS", "FORGET nobody",
           "MEET 127.0.0.1 1", "REPLICATE nobody", "RESET", "RESET HARD", "SET-CONFIG-EPOCH 1", "SETSLOT 1 STABLE")
REFUSED_7 = ("ADDSLOTSRANGE 1 2", "DELSLOTSRANGE 1 2")
REFUSED_8 = ("SLOT-STATS SLOTSRANGE 0 1",)
REFUSED_VALKEY = ("CANCELSLOTMIGRATIONS", "FLUSHSLOT 1", "MIGRATESLOTS SLOTSRANGE 0 1 NODE nobody", "SYNCSLOTS ESTABLISH x")
ENABLED = ("--cluster-enabled",)


class Server:
    """One side of the comparison: what it says of itself is put in words."""

    def __init__(self, port):
        self.connection, self.other = Connection(port), harness.Client(port)
        with harness.Client(port) as client:
            self.myid = client.must("CLUSTER", "MYID")
            shard = client.command("CLUSTER", "MYSHARDID")
        self.words = [(self.myid, "MYID"), (f":{port + 10000}", ":BUS"), (f"@{port + 10000}", "@BUS"),
                      (f":{port}", ":PORT")]
        if isinstance(shard, str):
            self.words.append((shard, "SHARDID"))

    def say(self, command):
        if command.startswith("!"):
            return self.other.must(*command[1:].split())
        self.connection.send(command.replace("$myid", self.myid))
        reply = self.connection.read()
        for text, word in self.words:
            reply = reply.replace(text.encode(), word.encode())
        # The length of what is put in words, and the number of the connection.
        start, _, end = reply.partition(b"@BUS")
        if end:
            reply = b"$" + start.split(b"\r\n", 1)[1] + b"@BUS" + end
        if command == "HELLO":
            before, _, rest = reply.partition(b"$2\r\nid\r\n")
            reply = before + rest.split(b"\r\n", 1)[1]
        return reply


def real_cluster(test, build):
    """A cluster of one node."""
    plain = test.redis(build, ("--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1", "--databases", "16"),
                       name="plain")
    with plain.client() as client:
        client.must("CLUSTER", "ADDSLOTS", *range(16384))
        harness.wait_until(lambda: "cluster_state:ok" in client.must("CLUSTER", "INFO"), "the cluster is up")
    return plain


class ClusterCase(harness.SystemTest):
    def serve(self, build, flags=ENABLED):
        self.behind = self.redis(build)
        return self.holdfast(self.behind, flags=flags, log=f"sqlite:{self.directory}/{build}.db", name=f"holdfast-{build}")


class ClusterTest(harness.EveryBuild, ClusterCase):
    """Every build against a real cluster of its own."""

    def on_build(self, build):
        plain, proxy = real_cluster(self, build), self.serve(build)
        for protocol in ("2", "3"):
            servers = [Server(plain.port), Server(proxy.port)]
            for server in servers:
                server.say(f"HELLO {protocol}")
            for number, command in enumerate(line.strip() for line in SAME.strip().splitlines()):
                expected, got = (server.say(command) for server in servers)
                with self.subTest(protocol=protocol, number=number, command=command):
                    self.assertEqual(got, expected)
        self.check_own_words(build, plain, proxy)

    def check_own_words(self, build, plain, proxy):
        """What Holdfast refuses Redis knows; what it tells of itself."""
        version = harness.version_of(build)
        refused = list(REFUSED)
        for since, more in (((7, 0), REFUSED_7), ((8, 0), REFUSED_8), ((99,), REFUSED_VALKEY)):
            refused += more if version >= since else ()
        with proxy.client() as client, plain.client() as real:
            help_of_redis = real.must("CLUSTER", "HELP")
            lines = client.must("CLUSTER", "HELP")
            self.assertEqual(len(lines) % 2, 1)
            for form in lines[1::2]:
                self.assertTrue(form in help_of_redis or form.split()[0] in "LINKS MYSHARDID", form)
                words = form.replace("<slot>", "1").replace("<count>", "1").replace("<key>", "k").split()
                known = real.command("CLUSTER", *words)
                self.assertFalse(str(known).lower().startswith("err unknown subcommand"), form)
                self.assertNotIn("refused", str(client.command("CLUSTER", *words)))
            for form in refused:
                reply = str(client.command("CLUSTER", *form.split()))
                name = form.split()[0].lower()
                self.assertTrue(reply.startswith(f"ERR 'cluster|{name}' is refused by Holdfast: "), reply)
                self.assertNotIn("nknown subcommand", str(real.command("CLUSTER", *form.split())), form)
            mode = "server_mode" if build.startswith("valkey") else "redis_mode"
            for text in (client.must("INFO", "server"), real.must("INFO", "server")):
                self.assertIn(f"\r\n{mode}:cluster\r\n", text)
            client.must("MULTI")
            client.must("CLUSTER", "COUNTKEYSINSLOT", "1")
            self.assertIn("not inside MULTI", str(client.must("EXEC")[0]))


class AnyCommandTest(harness.EveryBuild, DifferentialCase):
    """Random requests of every command: the same keys of each are seen, the same requests refused."""

    DATABASES = 1
    PROGRAMS = (SEEDS + 1) // 2

    @staticmethod
    def diverges(name, request):
        # Of MSETEX Valkey 9.1 looks at the first key only.
        return name == "msetex" or DifferentialCase.diverges(name, request)

    def serve(self, build):
        behind = self.redis(build)
        return behind, real_cluster(self, build), self.holdfast(behind, flags=ENABLED)


class NodeTest(ClusterCase):
    """About the node itself; one build will do."""

    def test_what_is_refused_is_not_in_the_log(self):
        proxy = self.serve("7.0.15")
        with proxy.client() as client:
            for command in ("MSET a 1 b 2", "EVAL x 2 a b", "SWAPDB 0 1", "MOVE a 1", "COPY a {a}b DB 1", "SORT a BY w_*"):
                self.assertIsInstance(client.command(*command.split()), harness.RespError, command)
            client.must("MULTI")
            client.must("SET", "a", "1")
            client.must("SWAPDB", "0", "1")
            client.must("EXEC")
        shown = harness.recover("inspect", "--json", "--log", proxy.log).stdout.splitlines()[:-1]
        logged = [command["args"] for record in map(json.loads, shown) for command in record.get("commands", ())]
        self.assertEqual(logged, [["SET", "a", "1"]])

    def test_keys_of_a_slot_among_many(self):
        proxy = self.serve("7.0.15")
        with proxy.client() as client:
            client.pipeline([("SET", f"key:{number}", "x") for number in range(20_000)])
            client.pipeline([("SET", f"{{tag}}{number}", "x") for number in range(500)])
            slot = client.must("CLUSTER", "KEYSLOT", "tag")
            # A write that has not been answered yet counts.
            client.send("SET", "{tag}last", "x")
            client.send("CLUSTER", "COUNTKEYSINSLOT", slot)
            client.read()
            strangers = [f"key:{number}" for number in range(20_000) if key_slot(f"key:{number}") == slot]
            self.assertEqual(client.read(), 501 + len(strangers))
            self.assertEqual(set(client.must("CLUSTER", "GETKEYSINSLOT", slot, 10_000)),
                             {f"{{tag}}{number}" for number in range(500)} | {"{tag}last", *strangers})
            self.assertEqual(len(client.must("CLUSTER", "GETKEYSINSLOT", slot, 7)), 7)

    def test_ids_stay(self):
        proxy = self.serve("7.0.15")
        with proxy.client() as client:
            before = client.must("CLUSTER", "MYID"), client.must("CLUSTER", "SHARDS")
            self.assertRegex(before[0], "^[0-9a-f]{40}$")
        proxy.kill()
        self.behind.kill()
        self.behind.start()
        proxy.start()
        with proxy.client() as client:
            self.assertEqual((client.must("CLUSTER", "MYID"), client.must("CLUSTER", "SHARDS")), before)

    def test_announced(self):
        proxy = self.serve("7.0.15", ENABLED + ("--cluster-announce-host", "redis.example", "--cluster-announce-port", "7000",
                                                "--cluster-announce-tls-port", "7001"))
        with proxy.client() as client:
            self.assertEqual(client.must("CLUSTER", "SLOTS")[0][2][:2], ["redis.example", 7000])
            self.assertIn(" redis.example:7000@17000 myself,master ", client.must("CLUSTER", "NODES"))
            node = client.must("CLUSTER", "SHARDS")[0][3][0]
            shown = dict(zip(node[::2], node[1::2]))
            self.assertEqual((shown["endpoint"], shown["port"], shown["tls-port"]), ("redis.example", 7000, 7001))

    def test_a_redis_in_cluster_mode_is_refused(self):
        for build in ("7.0.15", "valkey-9.1.2"):
            plain = real_cluster(self, build)
            proxy = self.holdfast(plain, flags=ENABLED, wait=False, name=f"holdfast-{build}")
            self.assertEqual(proxy.wait(), 1)
            self.assertIn("Redis runs in cluster mode: Holdfast needs one that does not", proxy.said())
            plain.stop()

    def test_without_it_there_is_no_cluster(self):
        for build in harness.REDIS_BUILDS:
            proxy, plain = self.serve(build, ()), self.redis(build, name=f"plain-{build}")
            with proxy.client() as client, plain.client() as real:
                for command in ("CLUSTER SLOTS", "CLUSTER INFO", "CLUSTER COUNTKEYSINSLOT 1", "CLUSTER MEET a 1", "CLUSTER FOO",
                                "CLUSTER FLUSHSLOT 1", "READONLY", "READWRITE", "ASKING", "MSET a 1 b 2", "SELECT 1"):
                    self.assertEqual(client.command(*command.split()), real.command(*command.split()), (build, command))


def key_slot(key):
    crc = 0
    for byte in key.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc % 16384


if __name__ == "__main__":
    unittest.main()
