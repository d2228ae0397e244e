"""What differential_test is for data, for the commands about the server and its connections: the same random requests to
Holdfast and to a plain Redis of the same build, the same replies, by the rules of server_grammar.py.

HOLDFAST_DIFFERENTIAL_SEEDS, HOLDFAST_DIFFERENTIAL_SEED: see differential_test.py."""
import itertools
import random
import unittest

import harness
from dataset import TreeClient, contents, differences, verify
from differential_test import FIRST, SEEDS, learn_build, leaves
from server_grammar import ALONE, ANY, KIND, OURS, REFUSED, RULES, UNORDERED, ServerGrammar

LENGTH = 300
# Holdfast answers it when it has seen all that Redis did before: what was published until then has been delivered.
SEEN = "redis.call('set', 'seen', '1') return redis.call('del', 'seen')"
CLOSED = ("closed", b"")


def seen(name, tree):
    """What of a reply must be the same."""
    rule = RULES.get(name)
    if rule == ANY:
        return "+-"[tree[0] not in "+-"]
    if tree[0] == "-":
        return tree[0] if rule == REFUSED else tree
    if rule == KIND:
        return tree[0]
    return sorted(leaves(tree)) if rule == UNORDERED else tree


def in_order(messages):
    """Several patterns of one client let a message through, and are unsubscribed from, in any order."""
    def any_order(message):
        parts = message[1] if message[0] in "*>" and isinstance(message[1], list) else []
        name = parts[0][1] if parts and parts[0][0] == "$" else b""
        return parts[2:] if name == b"pmessage" else name if name.endswith(b"unsubscribe") else None

    out = []
    for what, some in itertools.groupby(messages, any_order):
        some = list(some)
        if what is not None:
            names = sorted(parts[1] for _, parts in some)
            some = [(kind, [parts[0], name, *parts[2:]]) for (kind, parts), name in zip(some, names)]
        out += some
    return out


class Line:
    """A client of one of the two servers."""

    def __init__(self, port):
        self.port, self.client, self.nonce = port, TreeClient(port), 0
        self.invalidated = set()

    def say(self, unit):
        """The replies to it, and the pushes that have come until then; invalidations are kept apart."""
        self.nonce += 1
        nonce = b"nonce %d" % self.nonce
        answers = (("$", nonce), ("*", [("$", b"pong"), ("$", nonce)]))
        replies, pushes = [], []
        try:
            self.client.send_raw(b"".join(harness.encode(words) for _, words in unit))
            if unit and unit[0][0] == "client|reply":
                self.client.send("CLIENT", "REPLY", "ON")
            self.client.send("PING", nonce)
            # Its user may not have the right to that.
            while (reply := self.client.read()) not in answers and not (reply[0] == "-" and b"'ping'" in reply[1]):
                if reply[0] == ">" and reply[1][0] == ("$", b"invalidate"):
                    self.invalidated.update(leaves(reply[1][1]))
                else:
                    (pushes if reply[0] == ">" else replies).append(reply)
        except ConnectionError:
            replies.append(CLOSED)
        return in_order(replies), in_order(pushes)

    def reopen(self):
        self.client.close()
        self.client = TreeClient(self.port)

    def first_line(self, words):
        with TreeClient(self.port) as client:
            client.send(*words)
            while (line := client.stream.readline()) == b"\n":
                pass
            return line if line[:1] == b"-" else line[:1]


class Pair:
    """A client of both, which say the same. What they are pushed comes in the same order, but not always at once."""

    def __init__(self, plain, proxy):
        self.plain, self.proxy = Line(plain), Line(proxy)
        self.pushes = [], []

    def take(self, test, where, plain, proxy):
        for pushes, more in zip(self.pushes, (plain, proxy)):
            pushes += more
        both = min(map(len, self.pushes))
        test.assertEqual(self.pushes[1][:both], self.pushes[0][:both], where)
        for pushes in self.pushes:
            del pushes[:both]

    def reopen(self):
        self.plain.reopen(), self.proxy.reopen()
        self.pushes = [], []

    def end(self, test, where):
        self.take(test, where, self.plain.say([("echo", ["echo", "x"])])[1], self.proxy.say([("echo", ["echo", "x"])])[1])
        test.assertEqual(self.pushes, ([], []), where)
        test.assertLessEqual(self.plain.invalidated, self.proxy.invalidated, where)
        self.plain.client.close(), self.proxy.client.close()


class ServerCommandsTest(harness.EveryBuild, harness.SystemTest):
    def on_build(self, build):
        behind, plain = self.redis(build), self.redis(build, ("--databases", "16"), name="plain")
        proxy = self.holdfast(behind)
        entries, docs = learn_build(self, build, plain)
        covered = set()
        for seed in range(FIRST, FIRST + SEEDS):
            grammar = ServerGrammar(entries, docs, random.Random(seed))
            pairs = [Pair(plain.port, proxy.port) for _ in range(2)]
            for unit in grammar.units(LENGTH):
                self.compare(grammar.random.choice(pairs), unit, f"{build}, seed {seed}: {[words for _, words in unit]}")
                covered.update(name for name, _ in unit)
                if any("publish" in name for name, _ in unit):
                    with proxy.client() as client:
                        client.must("EVAL", SEEN, 0)
            for pair in pairs:
                pair.end(self, f"{build}, seed {seed}")
            self.assertEqual(differences(contents(plain.port), contents(behind.port), time_ms=20000), "", f"{build}, seed {seed}")
        missing = set(grammar.names) - covered - {name.split("|")[0] for name in covered}
        self.assertEqual(missing, set())
        verify(proxy, behind)
        print(f"differential: {build}: {len(grammar.names)} commands of server and connection, seeds {FIRST} to "
              f"{FIRST + SEEDS - 1}")

    def compare(self, pair, unit, where):
        name, words = unit[0]
        if name in ALONE:
            return self.assertEqual(pair.proxy.first_line(words), pair.plain.first_line(words), where)
        got, got_pushes = pair.proxy.say(unit)
        ours = RULES.get(name) == OURS
        expected, pushes = pair.plain.say([] if ours else unit)
        if ours:
            self.assertEqual(got.pop()[0], "-", where)
        pair.take(self, where, pushes, got_pushes)
        self.assertEqual(len(got), len(expected), f"{where}: {got}, not {expected}")
        if name == "multi":
            self.compare_transaction(unit, got, expected, where)
        else:
            # Which of several pairs is blamed depends on which server has the say about it.
            blamed = name == "config|set" and len(words) > 4 and expected[0][0] == "-"
            for left, right in zip(expected, got):
                self.assertEqual(right[0] if blamed else seen(name, right), left[0] if blamed else seen(name, left), where)
        if CLOSED in expected:
            pair.reopen()
        return None

    def compare_transaction(self, unit, got, expected, where):
        for (name, words), left, right in zip(unit, expected[:-1], got):
            self.assertEqual(seen(name, right), seen(name, left), f"{where}, {words}")
        queued = [one for one, reply in zip(unit, expected) if reply == ("+", b"QUEUED")]
        left, right = expected[-1], got[-1]
        if left[0] != "*" or not isinstance(left[1], list):
            return self.assertEqual(right, left, where)
        self.assertEqual(len(right[1]), len(left[1]), where)
        for (name, words), one, other in zip(queued, left[1], right[1]):
            self.assertEqual(seen(name, other), seen(name, one), f"{where}, {words}")
        return None


if __name__ == "__main__":
    unittest.main()
