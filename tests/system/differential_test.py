"""The same random programs to Holdfast and to a plain Redis of the same build: the same replies, byte for byte, and the
same data afterwards, also after a replay. What cannot be the same is told by rule in command_grammar.py.

HOLDFAST_DIFFERENTIAL_SEEDS: how many programs for each build (8), HOLDFAST_DIFFERENTIAL_SEED: the first one (1)."""
import os
import random
import unittest

import harness
from command_grammar import SHAPE, UNORDERED, Grammar, diverges, learn, learn_docs
from dataset import TreeClient, contents, differences, replay

SEEDS = int(os.environ.get("HOLDFAST_DIFFERENTIAL_SEEDS", "8"))
FIRST = int(os.environ.get("HOLDFAST_DIFFERENTIAL_SEED", "1"))
LENGTH = 400


def leaves(tree):
    kind, value = tree
    return [leaf for one in value for leaf in leaves(one)] if isinstance(value, list) else [(kind, value)]


def seen(name, tree):
    """What of a reply must be the same."""
    if tree[0] == "-":
        return tree
    if name in SHAPE:
        return tree[0]
    return sorted(leaves(tree)) if name in UNORDERED else tree


class Both:
    """A connection to each of the two."""

    def __init__(self, test, plain, proxy, hello):
        self.test, self.clients = test, [TreeClient(plain.port), TreeClient(proxy.port)]
        self.queued = None  # inside MULTI: the names of the commands that wait
        for client in self.clients:
            if hello:
                client.command("HELLO", "3")

    def close(self):
        for client in self.clients:
            client.close()

    def say(self, program, where):
        """All of it at once, then the replies."""
        try:
            replies = [client.pipeline([request for _, request in program]) for client in self.clients]
        except OSError as problem:
            raise AssertionError(f"{where}: {problem} in {program}") from problem
        for (name, request), expected, got in zip(program, *replies):
            self.compare(name, expected, got, f"{where}: {request}")

    def compare(self, name, expected, got, where):
        if name == "exec" and self.queued is not None and expected[0] == "*" and got[0] == "*" and \
                isinstance(expected[1], list):
            self.test.assertEqual(len(got[1]), len(expected[1]), where)
            for queued, left, right in zip(self.queued, expected[1], got[1]):
                self.test.assertEqual(seen(queued, right), seen(queued, left), f"{where}, {queued}")
        else:
            self.test.assertEqual(seen(name, got), seen(name, expected), where)
        if expected == ("+", b"QUEUED"):
            self.queued.append(name)
        elif name == "multi" and expected == ("+", b"OK"):
            self.queued = []
        elif name == "exec" or (name == "discard" and expected[0] == "+"):
            self.queued = None


def learn_build(test, build, plain):
    """What COMMAND and COMMAND DOCS say; where a build has no documents, a newer one's."""
    with plain.client() as client:
        entries = learn(client)
        if harness.version_of(build) >= (7, 0):
            return entries, learn_docs(client)
    with test.redis("7.0.15", name="for-docs").client() as client:
        return entries, learn_docs(client)


class DifferentialCase(harness.SystemTest):
    DATABASES = 16
    PROGRAMS = SEEDS

    def serve(self, build):
        """Redis behind the proxy, a plain one, and the proxy."""
        behind, plain = self.redis(build), self.redis(build, name="plain")
        return behind, plain, self.holdfast(behind)

    def connect(self, plain, proxy, hello, _grammar):
        return Both(self, plain, proxy, hello)

    @staticmethod
    def diverges(name, request):
        return diverges(name, request)

    def contents(self, server):
        return contents(server.port, self.DATABASES)

    def on_build(self, build):
        behind, plain, proxy = self.serve(build)
        entries, docs = learn_build(self, build, plain)
        covered = set()
        for seed in range(FIRST, FIRST + self.PROGRAMS):
            grammar = Grammar(entries, docs, random.Random(seed))
            program = [one for one in grammar.program(LENGTH) + grammar.every() if not self.diverges(*one)]
            covered.update(name for name, _ in program)
            connections = [self.connect(plain, proxy, protocol, grammar) for protocol in (False, seed % 2 == 0)]
            try:
                while program:
                    length = grammar.random.choice([1, 1, 5, 30])
                    some, program = program[:length], program[length:]
                    grammar.random.choice(connections).say(some, f"{build}, seed {seed}")
            finally:
                for connection in connections:
                    connection.close()
            # What expires was set a moment later on one of them.
            self.assertEqual(differences(self.contents(plain), self.contents(behind), time_ms=20000), "",
                             f"{build}, seed {seed}")
        before = self.contents(behind)
        proxy.kill()
        behind.kill()
        behind.start()
        replay(proxy, behind)
        self.assertEqual(differences(before, self.contents(behind)), "", f"{build}, replayed")
        there = set(grammar.names) - {name for name in grammar.names if self.diverges(name, [name])}
        self.assertEqual(there - covered, set())
        print(f"differential: {build}: {len(covered)} commands, seeds {FIRST} to {FIRST + self.PROGRAMS - 1}; "
              f"{len(entries) - len(grammar.names)} of server and connection: server_commands_test.py")


class DifferentialTest(harness.EveryBuild, DifferentialCase):
    """All rights, on a server that is no cluster."""


if __name__ == "__main__":
    unittest.main()
