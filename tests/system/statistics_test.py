"""What Holdfast counts of its clients: beside a plain Redis of the same build, the same calls, errors and logged requests
after the same requests."""
import re
import time
import unittest

import harness

# "B" is a second client. What comes of a request is looked at by what the server has counted.
REQUESTS = """
A: SET a 1
A: SET a 2 EX 100
A: GET a
A: EXPIRE a 1000
A: GETEX a EX 50
A: MSET b 1 c 2
A: LPUSH a x
A: SET a
A: NOSUCH x
A: RPUSH list x y
A: BLPOP list 0
A: BRPOP list empty 0
A: SADD set 1 2 3
A: SPOP set 10
A: GEOADD geo 13.361389 38.115556 Palermo
A: INCRBYFLOAT f 1.5
A: CLIENT ID
A: CLIENT GETNAME
A: PING
A: ECHO hello
A: SELECT 1
A: SELECT 99
A: SELECT 0
A: MULTI
A: SET a 1
A: LPUSH a 1
A: PING
A: EXEC
A: MULTI
A: SET a
A: EXEC
A: MULTI
A: GET a
A: DISCARD
A: EXEC
A: WATCH a
A: SET a 5
A: MULTI
A: INCR a
A: EXEC
A: EVAL "redis.call('set', KEYS[1], 1) redis.call('incr', KEYS[1]) return redis.call('get', KEYS[1])" 1 a
A: EVAL "return redis.pcall('lpush', KEYS[1], 1)" 1 a
A: EVAL "redis.pcall('lpush', KEYS[1], 1) return 1" 1 a
A: EVAL "return redis.call('set', KEYS[1], 1)" 1 a
A: EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
A: XADD st 1-1 f v
A: XGROUP CREATE st g $
A: XREADGROUP GROUP g me COUNT 1 STREAMS st >
A: XREADGROUP GROUP none me COUNT 1 STREAMS st >
B: ACL SETUSER joe on >pw ~j* +get +set +ping
B: AUTH joe wrong
B: AUTH joe pw
B: GET jo
B: GET other
B: SET other 1
B: DEL jo
B: PING
A: ACL DELUSER joe
A: CONFIG GET maxmemory
A: CONFIG SET nosuch 1
A: SUBSCRIBE c
A: UNSUBSCRIBE c
A: PUBLISH c m
A: TYPE a
A: DBSIZE
A: OBJECT ENCODING a
""".strip().splitlines()

# What is only said in passing, or about itself: INFO is how it is looked at.
LINE = re.compile(r"cmdstat_(\S+):calls=(\d+),usec=(\d+),usec_per_call=(\d+\.\d\d),rejected_calls=(\d+),failed_calls=(\d+)$")


class Beside(harness.SystemTest):
    maxDiff = None

    def servers(self, build, **options):
        plain, behind = self.redis(build, name="plain"), self.redis(build, **options)
        return [plain, self.holdfast(behind)]

    def carry_out(self, server, requests):
        clients = {name: server.client() for name in "AB"}
        for line in requests:
            name, _, request = line.partition(": ")
            client = clients[name]
            client.send(*harness.words(request))
            client.read()

    def section(self, server, name):
        with server.client() as client:
            return [line for line in client.must("INFO", name).split("\r\n") if line and not line.startswith("#")]


class StatisticsTest(harness.EveryBuild, Beside):
    def on_build(self, build):
        commands, errors, totals, latencies = [], [], [], []
        for server in self.servers(build):
            with server.client() as client:
                client.must("CONFIG", "RESETSTAT")
            self.carry_out(server, REQUESTS)
            totals.append(int(re.search(r"total_error_replies:(\d+)", "\n".join(self.section(server, "stats"))).group(1)))
            counted = {}
            for line in self.section(server, "commandstats"):
                found = LINE.match(line)
                self.assertTrue(found, line)
                name, calls, usec, average, rejected, failed = found.groups()
                if int(calls):
                    self.assertAlmostEqual(float(average), int(usec) / int(calls), delta=0.01)
                if name != "info":
                    counted[name] = f"calls={calls} rejected={rejected} failed={failed}"
            commands.append(counted)
            errors.append(sorted(self.section(server, "errorstats")))
            lines = self.section(server, "latencystats")
            for line in lines:
                self.assertRegex(line, r"^latency_percentiles_usec_\S+:p50=\d+\.\d{3},p99=\d+\.\d{3},p99.9=\d+\.\d{3}$")
            latencies.append(sorted(line.split(":")[0] for line in lines))
        if build == "6.2.5":
            # For this build an EXEC that is aborted is no error.
            commands[0]["exec"] = commands[0]["exec"].replace("failed=1", "failed=2")
            errors[0] = sorted([*errors[0], "errorstat_EXECABORT:count=1"])
            totals[0] += 1
        self.assertEqual(commands[1], commands[0])
        self.assertEqual(errors[1], errors[0])
        self.assertEqual(totals[1], totals[0])
        # What a script calls is in Redis's histograms, which nobody can tell from Holdfast's own calls.
        self.assertLessEqual(set(latencies[1]), set(latencies[0]))
        self.assertEqual(bool(latencies[1]), bool(latencies[0]))


class SlowlogTest(harness.EveryBuild, Beside):
    SECRET = """
A: AUTH secret-1
A: AUTH default secret-2
A: HELLO 2 AUTH default secret-3
A: HELLO 2 SETNAME AUTH AUTH default secret-4
A: ACL SETUSER joe on >secret-5 ~*
A: ACL GETUSER joe
A: ACL DELUSER joe
A: CONFIG SET masterauth secret-6
A: CONFIG SET timeout 0 requirepass secret-7 tls-key-file-pass secret-8
A: MIGRATE 127.0.0.1 1 key 0 10 AUTH secret-9
A: MIGRATE 127.0.0.1 1 key 0 10 AUTH2 joe secret-10
""".strip().splitlines()

    def on_build(self, build):
        entries, lengths = [], []
        servers = self.servers(build)
        plain = servers[0]
        for server in servers:
            with server.client() as client:
                client.must("CONFIG", "SET", "slowlog-max-len", "1000")
                client.must("CONFIG", "SET", "slowlog-log-slower-than", "0")
                client.must("SLOWLOG", "RESET")
                client.must("CLIENT", "SETNAME", "me")
                client.must("SADD", "many", *[str(i) for i in range(40)])
                client.must("SET", "a", "x" * 1000)
                self.carry_out(server, [line for line in REQUESTS if "ACL" not in line])
                client.must("CONFIG", "SET", "slowlog-log-slower-than", "-1")
                found = client.must("SLOWLOG", "GET", "-1")
                lengths.append((len(client.must("SLOWLOG", "GET")), client.must("SLOWLOG", "LEN")))
            for entry in found:
                self.assertEqual(len(entry), 6)
                self.assertAlmostEqual(entry[1], time.time(), delta=60)
                self.assertGreaterEqual(entry[2], 0)
                # What a script calls is of no client, for some builds.
                self.assertRegex(entry[4], r"^127\.0\.0\.1:\d+$" if server is not plain else r"^127|^\?:0$|^$")
            self.assertEqual([entry[0] for entry in found], sorted((entry[0] for entry in found), reverse=True))
            entries.append([(entry[3], entry[5]) for entry in reversed(found)])
        # Redis shows what a script calls, too.
        inside = [(["set", "a", "1"], ""), (["incr", "a"], ""), (["get", "a"], ""), (["lpush", "a", "1"], "")]
        expected = [entry for entry in entries[0] if entry not in inside]
        self.assertEqual(entries[1], expected)
        self.assertEqual(lengths[1], (10, len(expected)))

    def test_no_secrets(self):
        server = self.servers("7.0.15")[1]
        with server.client() as client:
            client.must("CONFIG", "SET", "slowlog-log-slower-than", "0")
            self.carry_out(server, self.SECRET)
            logged = client.must("SLOWLOG", "GET", "-1")
            self.assertNotIn("secret", str(logged))
            shown = [" ".join(entry[3]) for entry in logged]
            for expected in ("HELLO 2 AUTH (redacted) (redacted)", "ACL SETUSER (redacted) (redacted) (redacted) (redacted)",
                             "CONFIG SET masterauth (redacted)",
                             "CONFIG SET timeout 0 requirepass (redacted) tls-key-file-pass (redacted)"):
                self.assertIn(expected, shown)
            client.must("MULTI")
            client.must("ACL", "SETUSER", "x", ">secret")
            client.must("AUTH", "secret")
            client.must("EXEC")
            self.assertNotIn("secret", str(client.must("SLOWLOG", "GET", "-1")))

    def test_settings_of_redis_hold(self):
        plain, proxy = self.servers("7.0.15", options=["--slowlog-log-slower-than", "0", "--slowlog-max-len", "3",
                                                       "--latency-tracking", "no"])
        with proxy.client() as client:
            for _ in range(10):
                client.must("PING")
            self.assertEqual(client.must("SLOWLOG", "LEN"), 3)
            self.assertEqual(self.section(proxy, "latencystats"), [])
            answer = client.command("CONFIG", "SET", "slowlog-log-slower-than", "x")
            with plain.client() as other:
                self.assertEqual(answer, other.command("CONFIG", "SET", "slowlog-log-slower-than", "x"))
            client.must("MULTI")
            client.must("CONFIG", "SET", "slowlog-max-len", "5")
            self.assertIn("cannot be in a transaction", str(client.must("EXEC")))


class HistogramTest(harness.EveryBuild, Beside):
    def on_build(self, build):
        told = []
        for server in self.servers(build):
            with server.client() as client:
                client.must("CONFIG", "RESETSTAT")
                for request in ("SET a 1", "SET b 1", "GET a", "CLIENT ID", "CLIENT LIST", "CLIENT GETNAME"):
                    client.must(*request.split())
                answers = []
                for names in ((), ("set", "get"), ("client",), ("client|id", "nosuch"), ("NOSUCH",)):
                    answer = client.command("LATENCY", "HISTOGRAM", *names)
                    answers.append(answer if not isinstance(answer, list) else
                                   sorted((name, histogram[1]) for name, histogram in zip(answer[::2], answer[1::2])
                                          if name != "latency|histogram"))
                    if isinstance(answer, list):
                        for histogram in answer[1::2]:
                            self.assertEqual(histogram[::2], ["calls", "histogram_usec"])
                            counts = histogram[3][1::2]
                            self.assertEqual(counts, sorted(counts))
                            self.assertEqual(counts[-1], histogram[1])
                told.append(answers)
        self.assertEqual(told[1], told[0])


class CommandlogTest(Beside):
    def test_valkey(self):
        told = []
        for server in self.servers("valkey-9.1.2"):
            with server.client() as client:
                client.must("CONFIG", "SET", "commandlog-request-larger-than", "500")
                client.must("CONFIG", "SET", "commandlog-reply-larger-than", "500")
                client.must("CONFIG", "SET", "commandlog-execution-slower-than", "-1")
                client.must("SET", "a", "x" * 600)
                client.must("GET", "a")
                answers = []
                for kind in ("large-request", "large-reply", "slow"):
                    found = client.must("COMMANDLOG", "GET", "-1", kind)
                    answers += [[entry[3] for entry in found], client.must("COMMANDLOG", "LEN", kind),
                                client.must("COMMANDLOG", "RESET", kind), client.must("COMMANDLOG", "LEN", kind),
                                [entry[2] // 100 for entry in found]]
                answers += [client.command("COMMANDLOG", *rest.split()) for rest in
                            ("GET", "GET 1", "GET x slow", "GET -2 slow", "GET 1 what", "LEN", "LEN what", "RESET")]
                told.append(answers)
        self.assertEqual(told[1], told[0])


class LostTest(Beside):
    def test_counts_outlive_redis(self):
        behind = self.redis("7.0.15")
        proxy = self.holdfast(behind)
        with proxy.client(timeout=60) as client:
            client.must("SET", "a", "1")
            behind.kill()
            behind.start()
            harness.wait_until(lambda: client.command("GET", "a") == "1", "Redis is back", timeout=20)
            client.must("SET", "a", "2")
            client.must("EVAL", "redis.call('set', 'a', 3) redis.call('strlen', 'a')", "0")
            lines = client.must("INFO", "commandstats")
            self.assertIn("cmdstat_set:calls=3,", lines)
            self.assertIn("cmdstat_strlen:calls=1,", lines)


if __name__ == "__main__":
    unittest.main()
