"""Writers that keep books: what each was told about its writes, and so what the state may be in the end.

Each writer owns its keys and works through one connection at a time. Of every write it knows one of three things:
acknowledged (there exactly once), refused as NOTWRITTEN (not there), or neither, because it was told UNKNOWN or lost
the connection (there once or not at all).
"""
import random
import threading
import time

import harness

PATIENCE = 25  # seconds: a request without any answer for so long counts as a hang


class WrongAnswer(Exception):
    """Holdfast said what cannot be."""


class Unknown(Exception):
    """A write of which it is not known whether it happened."""


class NotWritten(Exception):
    """A write that did not happen, or a read that was not answered."""


def judge(reply):
    """A reply that counts; an error is raised as what it says about the write."""
    if isinstance(reply, harness.RespError):
        word = str(reply).split(" ")[0]
        if word == "UNKNOWN":
            raise Unknown(str(reply))
        if word in ("NOTWRITTEN", "LOADING", "UNAVAILABLE"):
            raise NotWritten(word)
        raise WrongAnswer(f"an unexpected error: {reply}")
    return reply


def ask(client, *command):
    """The reply of a read."""
    try:
        return judge(client.command(*command))
    except Unknown as unknown:
        raise WrongAnswer(f"a read was told: {unknown}") from None


class Writer(threading.Thread):
    """step() does one write (or a read) and keeps the books; check() compares them with the state."""

    def __init__(self, port, name, seed):
        super().__init__(name=name, daemon=True)
        self.port = port
        self.random = random.Random(f"{seed} {name}")
        self.acknowledged = 0
        self.unknown = 0
        self.refused = 0
        self.longest = 0.0
        self.problem = None
        self.ending = threading.Event()

    def run(self):
        client = None
        while not self.ending.is_set() and self.problem is None:
            begin = time.monotonic()
            try:
                if client is None:
                    client = harness.Client(self.port, timeout=PATIENCE)
                begin = time.monotonic()
                self.step(client)
                self.acknowledged += 1
            except TimeoutError:
                self.problem = f"no answer within {PATIENCE} s"
            except OSError:
                self.unknown += client is not None
                client = None
                self.ending.wait(0.02)  # between attempts to connect
            except Unknown:
                self.unknown += 1
            except NotWritten:
                self.refused += 1
            except Exception as problem:  # pylint: disable=broad-except
                self.problem = f"{type(problem).__name__}: {problem}"
            self.longest = max(self.longest, time.monotonic() - begin)
        if client is not None:
            client.close()

    def key(self, suffix=""):
        return f"{self.name}{suffix}"

    def write(self, client, *command):
        """The reply of a write. NotWritten if it did not happen, else Unknown or OSError."""
        return judge(client.command(*command))

    def step(self, client):
        raise NotImplementedError

    def is_settled(self, client):  # pylint: disable=unused-argument
        """Whether what must expire has expired."""
        return True

    def check(self, client):
        """Lines about what is wrong in the state."""
        raise NotImplementedError


class Counter(Writer):
    """INCR, and reads of the same counter, which never go back."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.low = self.high = 0

    def step(self, client):
        if self.random.random() < 0.2:
            self.learn(int(ask(client, "GET", self.key()) or 0))
            return
        self.high += 1
        try:
            value = self.write(client, "INCR", self.key())
        except NotWritten:
            self.high -= 1
            raise
        self.low += 1
        self.learn(value)
        self.low = self.high = value

    def learn(self, value):
        if not self.low <= value <= self.high:
            raise WrongAnswer(f"the counter is {value}, it must be between {self.low} and {self.high}")
        self.low = value

    def check(self, client):
        value = int(client.must("GET", self.key()) or 0)
        return [] if self.low <= value <= self.high else [f"{value} is not between {self.low} and {self.high}"]


class Pipeliner(Writer):
    """Many INCR at a time; the answers are those of the first ones."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.low = self.high = 0

    def step(self, client):
        count = self.random.randint(2, 40)
        client.send_raw(harness.encode(("INCR", self.key())) * count)
        self.high += count
        worst = None
        for _ in range(count):
            try:
                value = judge(client.read())
                if not self.low < value <= self.high:
                    raise WrongAnswer(f"INCR says {value}; it must be above {self.low}, at most {self.high}")
                self.low = value
            except NotWritten as refused:
                self.high -= 1
                worst = worst or refused
            except Unknown as unknown:
                worst = unknown
        if worst:
            raise worst

    def check(self, client):
        value = int(client.must("GET", self.key()) or 0)
        return [] if self.low <= value <= self.high else [f"{value} is not between {self.low} and {self.high}"]


class Pusher(Writer):
    """LPUSH of unique values."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.next = 0
        self.told = {}  # value: True acknowledged, False not known

    def step(self, client):
        value = f"v{self.next}"
        self.next += 1
        self.told[value] = False
        try:
            self.write(client, "LPUSH", self.key(), value)
        except NotWritten:
            del self.told[value]
            raise
        self.told[value] = True

    def check(self, client):
        found = client.must("LRANGE", self.key(), "0", "-1")[::-1]
        problems = [f"{value} is missing" for value, sure in self.told.items() if sure and value not in set(found)]
        problems += [f"{value} is there, and must not" for value in found if value not in self.told]
        if len(set(found)) != len(found):
            problems.append("some values are there twice")
        if found != sorted(found, key=lambda value: int(value[1:])):
            problems.append("the values are not in the order in which they were pushed")
        return problems


class Popper(Writer):
    """SADD of unique members and SPOP: chance, of which the reply tells."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.next = 0
        self.members = {}  # True: surely there; False: perhaps
        self.lost_pops = 0
        self.popped = set()

    def step(self, client):
        if self.random.random() < 0.6:
            some = [f"m{self.next + i}" for i in range(3)]
            self.next += 3
            self.members.update(dict.fromkeys(some, False))
            try:
                self.write(client, "SADD", self.key(), *some)
            except NotWritten:
                for one in some:
                    del self.members[one]
                raise
            self.members.update(dict.fromkeys(some, True))
            return
        self.lost_pops += 1
        try:
            one = self.write(client, "SPOP", self.key())
        except NotWritten:
            self.lost_pops -= 1
            raise
        self.lost_pops -= 1
        if one is not None:
            if one not in self.members:
                raise WrongAnswer(f"SPOP gave {one}, which cannot be there")
            del self.members[one]
            self.popped.add(one)

    def check(self, client):
        found = set(client.must("SMEMBERS", self.key()))
        problems = [f"{one} was popped and is there" for one in found & self.popped]
        problems += [f"{one} is there, and must not" for one in found - self.popped - self.members.keys()]
        missing = [one for one, sure in self.members.items() if sure and one not in found]
        if len(missing) > self.lost_pops:
            problems.append(f"missing: {missing}, and only {self.lost_pops} pops have an unknown outcome")
        return problems


class Overwriter(Writer):
    """HSET of fields again and again, and large values."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.next = 0
        self.fields = {}  # the values that a field may have

    def step(self, client):
        field, value = f"f{self.random.randrange(40)}", f"{self.next}" + "x" * self.random.choice((0, 0, 10, 3000))
        self.next += 1
        before = self.fields.get(field, [None])
        self.fields[field] = before + [value]
        try:
            self.write(client, "HSET", self.key(), field, value)
        except NotWritten:
            self.fields[field] = before
            raise
        self.fields[field] = [value]

    def check(self, client):
        flat = client.must("HGETALL", self.key())
        found = dict(zip(flat[::2], flat[1::2]))
        return [f"{field} is {str(found.get(field))[:20]}, and none of {[str(one)[:20] for one in values]}"
                for field, values in self.fields.items() if found.get(field) not in values]


class Giant(Writer):
    """Values above what one record of Kafka takes: they come in parts."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.next = 0
        self.values = [None]

    def step(self, client):
        value = f"{self.next}:" + str(self.random.randrange(10)) * self.random.choice((1,) * 49 + (1500000,))
        self.next += 1
        before = self.values
        self.values = before + [value]
        try:
            self.write(client, "SET", self.key(), value)
        except NotWritten:
            self.values = before
            raise
        self.values = [value]

    def check(self, client):
        found = client.must("GET", self.key())
        if found in self.values:
            return []
        return [f"{str(found)[:20]} is none of {[str(one)[:20] for one in self.values]}"]


class Scripter(Writer):
    """EVAL with the time and chance: what the script answered must be what the state says."""

    SCRIPT = """
        if redis.replicate_commands then redis.replicate_commands() end
        local n = redis.call('INCR', KEYS[1])
        local t = redis.call('TIME')
        local drawn = redis.call('SRANDMEMBER', KEYS[3]) or 'none'
        local line = n .. ' ' .. ARGV[1] .. ' ' .. t[1] .. '.' .. t[2] .. ' ' .. drawn
        redis.call('RPUSH', KEYS[2], line)
        redis.call('SADD', KEYS[3], line)
        if n % 3 == 0 then redis.call('SREM', KEYS[3], drawn) end
        return line"""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.next = 0
        self.lines = []
        self.not_written = set()

    def step(self, client):
        mark = f"s{self.next}"
        self.next += 1
        try:
            line = self.write(client, "EVAL", self.SCRIPT, "3", *map(self.key, (":n", ":lines", ":pool")), mark)
        except NotWritten:
            self.not_written.add(mark)
            raise
        self.lines.append(line)
        if line.split(" ")[1] != mark:
            raise WrongAnswer(f"the script was given {mark} and says {line}")

    def check(self, client):
        found = client.must("LRANGE", self.key(":lines"), "0", "-1")
        problems = []
        for line in self.lines:
            n = int(line.split(" ")[0])
            if n > len(found) or found[n - 1] != line:
                problems.append(f"told {line!r}, and it is {found[n - 1] if n <= len(found) else 'missing'!r}")
        if int(client.must("GET", self.key(":n")) or 0) != len(found):
            problems.append("the script was not executed as a whole")
        marks = [line.split(" ")[1] for line in found]
        if len(set(marks)) != len(marks):
            problems.append("a script was executed twice")
        problems += [f"{mark} was refused and is there" for mark in marks if mark in self.not_written]
        return problems


class Transactor(Writer):
    """MULTI/EXEC: all of it or nothing."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.low = self.high = 0

    def step(self, client):
        self.high += 1
        replies = client.pipeline([("MULTI",), ("INCR", self.key(":a")), ("SELECT", "5"), ("INCR", self.key(":b")),
                                   ("SELECT", "0"), ("LPUSH", self.key(":c"), "x"), ("EXEC",)])
        try:
            results = judge(replies[-1])
        except NotWritten:
            self.high -= 1
            if str(replies[-1]).startswith("LOADING"):
                raise WrongAnswer(f"a transaction that writes was told {replies[-1]}") from None
            raise
        if results[0] != results[2] or results[0] != results[4] or not self.low < results[0] <= self.high:
            raise WrongAnswer(f"EXEC says {results}, between {self.low} and {self.high}")
        self.low = self.high = results[0]

    def check(self, client):
        a, c = int(client.must("GET", self.key(":a")) or 0), client.must("LLEN", self.key(":c"))
        client.must("SELECT", "5")
        b = int(client.must("GET", self.key(":b")) or 0)
        client.must("SELECT", "0")
        return [] if a == b == c and self.low <= a <= self.high else [f"{a}, {b}, {c}; {self.low} to {self.high}"]


class Expirer(Writer):
    """SET with TTLs, short and long; PERSIST; scripts that set a time."""

    SCRIPT = """
        redis.call('SET', KEYS[1], '5')
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
        return redis.call('INCR', KEYS[1])"""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.next = 0
        self.lasting = {}  # key: its value, acknowledged with a long time or none
        self.passing = {}  # key: until when, on this machine's clock, it may be there at most

    def step(self, client):
        key = self.key(f":{self.next}")
        self.next += 1
        kind = self.random.choice(("short", "long", "persisted", "counted", "scripted"))
        if kind == "scripted":
            if self.write(client, "EVAL", self.SCRIPT, "1", key, str(self.random.randint(1, 30))) != 6:
                raise WrongAnswer("a key expired within a script")
            if self.write(client, "PERSIST", key) == 1:
                self.lasting[key] = "6"
        elif kind == "long":
            self.write(client, "SET", key, key, "EX", "10000")
            self.lasting[key] = key
        elif kind == "persisted":
            self.write(client, "SET", key, key, "PX", str(self.random.randint(1, 100)))
            if self.write(client, "PERSIST", key) == 1:
                self.lasting[key] = key
            elif ask(client, "EXISTS", key) == 1:
                raise WrongAnswer(f"PERSIST did not find {key}, and it is there")
        elif kind == "short":
            self.write(client, "SET", key, key, "PX", str(self.random.randint(1, 1500)))
            self.passing[key] = time.time() + 1.5
        else:
            # What is counted on behind the end of a key begins at 1 again, for all time.
            self.write(client, "SET", key, "5", "PX", str(self.random.randint(1, 10)))
            value = self.write(client, "INCR", key)
            if value == 1:
                self.lasting[key] = "1"
            elif value != 6:
                raise WrongAnswer(f"{key} was 5 or gone, and INCR says {value}")

    def is_settled(self, client):
        return not client.must("EXISTS", *self.passing, "none")

    def check(self, client):
        problems = []
        for key, value in self.lasting.items():
            found = client.must("GET", key)
            if found != value:
                problems.append(f"{key} is {found} and must be {value}")
        now = time.time()
        problems += [f"{key} is there and must have expired" for key, until in self.passing.items()
                     if until + 2 < now and client.must("EXISTS", key)]
        return problems


class FieldExpirer(Writer):
    """Fields of hashes with a time of their own."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.next = 0
        self.lasting = {}
        self.passing = {}

    def step(self, client):
        field = f"f{self.next}"
        self.next += 1
        kind = self.random.choice(("short", "long", "persisted", "counted"))
        milliseconds = str(100000000 if kind == "long" else self.random.randint(1, 1500 if kind == "short" else 20))
        self.write(client, "HSET", self.key(), field, "5")
        if self.write(client, "HPEXPIRE", self.key(), milliseconds, "FIELDS", "1", field) != [1]:
            raise WrongAnswer(f"no time could be set for {field}")
        if kind == "short":
            self.passing[field] = time.time() + 1.5
        elif kind == "long":
            self.lasting[field] = "5"
        elif kind == "persisted":
            if self.write(client, "HPERSIST", self.key(), "FIELDS", "1", field) == [1]:
                self.lasting[field] = "5"
        else:
            value = self.write(client, "HINCRBY", self.key(), field, "1")
            if value == 1:
                self.lasting[field] = "1"
            elif value != 6:
                raise WrongAnswer(f"{field} was 5 or gone, and HINCRBY says {value}")

    def is_settled(self, client):
        fields = client.must("HKEYS", self.key())  # without those that have expired and are still counted by HLEN
        return client.must("HLEN", self.key()) == len(fields) and not self.passing.keys() & set(fields)

    def check(self, client):
        flat = client.must("HGETALL", self.key())
        found = dict(zip(flat[::2], flat[1::2]))
        problems = [f"{field} is {found.get(field)} and must be {value}" for field, value in self.lasting.items()
                    if found.get(field) != value]
        return problems + [f"{field} is there and must have expired" for field, until in self.passing.items()
                           if until + 2 < time.time() and field in found]


WRITERS = (Counter, Counter, Pipeliner, Pusher, Popper, Overwriter, Giant, Scripter, Transactor, Expirer)


class Watcher(Writer):
    """Reads the counters of others: what was read once stays read."""

    def __init__(self, port, seed, counters):
        super().__init__(port, "watcher", seed)
        self.seen = {counter.key(): 0 for counter in counters}

    def step(self, client):
        key = self.random.choice(list(self.seen))
        value = int(ask(client, "GET", key) or 0)
        if value < self.seen[key]:
            raise WrongAnswer(f"{key} was {self.seen[key]} and is {value}")
        self.seen[key] = value

    def check(self, client):
        return [f"{key} was {value} once" for key, value in self.seen.items()
                if int(client.must("GET", key) or 0) < value]


def everybody(port, seed, fields_expire):
    kinds = WRITERS + (FieldExpirer,) * fields_expire
    writers = [kind(port, f"{kind.__name__.lower()}-{i}", seed) for i, kind in enumerate(kinds)]
    return writers + [Watcher(port, seed, [one for one in writers if isinstance(one, (Counter, Pipeliner))])]
