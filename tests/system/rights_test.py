"""Random users with random rights send the same random programs to Holdfast and to a plain Redis of the same build: each
command is refused by both, in the same words, or by neither. HOLDFAST_DIFFERENTIAL_SEEDS, HOLDFAST_DIFFERENTIAL_SEED:
see differential_test.py."""
import unittest

import harness
from command_grammar import KEYS
from differential_test import SEEDS, Both, DifferentialCase

CATEGORIES = ["keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
              "stream", "admin", "fast", "slow", "dangerous", "connection", "transaction", "scripting", "pubsub", "blocking"]


def rights(random, grammar, version):
    """What follows the name in ACL SETUSER."""
    rules = ["+@all"] if random.random() < 0.5 else [f"+@{random.choice(CATEGORIES)}" for _ in range(6)]
    if random.random() < 0.7:
        rules.append("+@transaction")
    plain = [name for name in grammar.names if "|" not in name]
    for _ in range(random.randrange(8)):
        sign = random.choice("-+")
        what = f"@{random.choice(CATEGORIES)}" if random.random() < 0.4 else random.choice(plain)
        rules.append(sign + what)
    keys = random.sample([key for key in KEYS if key], 6)
    if random.random() < 0.4:
        rules.append("~*")
    elif version < (7, 0) or random.random() < 0.5:
        rules += [f"~{key}" for key in keys]
    else:
        rules += [random.choice(("%R~", "%W~", "%RW~")) + key for key in keys]
        if random.random() < 0.5:
            rules.append(f"(+@read ~{keys[0]})")
    rules += random.choice((["resetchannels"], ["allchannels"], ["resetchannels", "&x*"]))
    return rules


class RightsTest(harness.EveryBuild, DifferentialCase):
    PROGRAMS = (SEEDS + 1) // 2

    def connect(self, plain, proxy, hello, grammar):
        both = Both(self, plain, proxy, hello)
        name = f"user{int(hello)}"
        self.rules = rights(grammar.random, grammar, harness.version_of(self.build))
        for client in both.clients:
            made = client.command("ACL", "SETUSER", name, "reset", "on", "nopass", *self.rules)
            self.assertEqual(made, ("+", b"OK"), self.rules)
            self.assertEqual(client.command("AUTH", name, "x"), ("+", b"OK"))
        return both

    def on_build(self, build):
        self.build = build
        super().on_build(build)


if __name__ == "__main__":
    unittest.main()
