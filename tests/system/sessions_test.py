"""Several connections at once, through Holdfast and to a plain Redis of the same build: the same bytes on each, in the
same order. WATCH, blocking commands, RESP3."""
import contextlib
import re
import unittest

import harness
import script_scenarios
import session_scenarios
import user_scenarios

# What HELLO tells of the connection's number.
ID = re.compile(rb"\$2\r\nid\r\n:\d+")
STEP = re.compile(r"(\w+)([:<>|~])\s*(.*)")


class Connection:
    """One that gives back replies as the bytes they are."""

    def __init__(self, port):
        self.client = harness.Client(port, timeout=20)

    def send(self, command):
        # The server may have closed it: then it is read so.
        with contextlib.suppress(ConnectionError):
            self.client.send(*harness.words(command))

    def read(self):
        line = b""
        with contextlib.suppress(ConnectionError):
            line = self.client.stream.readline()
        if not line.endswith(b"\r\n"):
            return line + b"(closed)"
        kind, rest = line[:1], line[1:-2]
        if kind in b"$=!" and int(rest) >= 0:
            return line + self.client.stream.read(int(rest) + 2)
        count = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}.get(kind, 0) * (int(rest) if kind in b"*~>%|" else 0)
        whole = line + b"".join(self.read() for _ in range(count))
        return whole + self.read() if kind == b"|" else whole

    def close(self):
        self.client.close()


def says_busy(port):
    with harness.Client(port) as client:
        return str(client.command("PING")).startswith("BUSY")


def blocked_clients(port):
    with harness.Client(port) as client:
        return int(re.search(r"blocked_clients:(\d+)", client.must("INFO", "clients")).group(1))


class Scenario:
    """Lines: "A: command" sends and reads a reply, "A> command" only sends, "A<" only reads, "A~ command" does not
    look at the reply, "A|" closes; "blocked N"
    waits until so many clients are blocked, "busy" and "not busy" until Redis says BUSY to all, or not."""

    def __init__(self, text):
        self.lines = [line.strip() for line in text.strip().splitlines()]

    def play(self, port):
        """What each connection got, with the line that it is for."""
        connections, transcript = {}, []
        try:
            for line in self.lines:
                if line.startswith("blocked "):
                    wanted = int(line.split()[1])
                    harness.wait_until(lambda n=wanted: blocked_clients(port) == n, line)
                    continue
                if line.endswith("busy"):
                    harness.wait_until(lambda is_it=line == "busy": says_busy(port) == is_it, line)
                    continue
                name, what, command = STEP.fullmatch(line).groups()
                if name not in connections:
                    connections[name] = Connection(port)
                connection = connections[name]
                if what == "|":
                    connection.close()
                    del connections[name]
                    continue
                if what in ":>~":
                    connection.send(command)
                if what == "~":
                    connection.read()
                if what in ":<":
                    transcript.append((line, ID.sub(b"id", connection.read())))
        finally:
            for connection in connections.values():
                connection.close()
        return transcript


class SessionsTest(harness.EveryBuild, harness.SystemTest):
    """Every scenario on every build."""

    def on_build(self, build):
        behind = self.redis(build)
        plain = self.redis(build, name="plain")
        proxy = self.holdfast(behind)
        scenarios = {**session_scenarios.SCENARIOS, **script_scenarios.SCENARIOS, **user_scenarios.SCENARIOS}
        for name, (oldest, text) in scenarios.items():
            if harness.version_of(build) < oldest:
                continue
            scenario = Scenario(text)
            with self.subTest(scenario=name):
                for port in (plain.port, proxy.port):
                    with harness.Client(port) as client:
                        client.must("FLUSHALL")
                expected = scenario.play(plain.port)
                self.assertEqual(scenario.play(proxy.port), expected)


if __name__ == "__main__":
    unittest.main()
