"""Random requests for every command that a Redis build knows, made from its own COMMAND and, for the arguments, from
COMMAND DOCS (7.0 and newer; for older builds that of a newer one)."""

# About the server and its connections, not its data: server_grammar.py makes their requests. And what else tests them.
SERVER = {
    **dict.fromkeys(("shutdown", "debug", "sync", "psync", "replconf", "replicaof", "slaveof", "failover",
                     "restore-asking", "module", "monitor"),
                    "session scenarios, unit tests"),
    "acl": "users_test.py, session scenarios",
    "migrate": "migrate_test.py, beside plain Redis",
    **dict.fromkeys(("cluster", "clusterscan", "readonly", "readwrite", "asking"),
                    "cluster_test.py, beside a real cluster"),
    **dict.fromkeys(("subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe", "pubsub",
                     "client", "hello", "reset", "quit", "auth", "wait", "waitaof", "config"),
                    "session scenarios, unit tests"),
    **dict.fromkeys(("commandlog", "slowlog", "latency|histogram"), "statistics_test.py"),
    **dict.fromkeys(("save", "bgsave", "bgrewriteaof", "latency", "memory", "info", "lastsave", "script|kill",
                     "script|debug", "function|kill", "host:", "post"),
                    ""),
}
# Replies of which only the kind can be the same: of time (DBSIZE counts what has expired until it is removed), of chance,
# of the process.
SHAPE = {"time", "dbsize", "ttl", "pttl", "expiretime", "pexpiretime", "httl", "hpttl", "hexpiretime", "hpexpiretime", "lolwut",
         "randomkey", "srandmember", "hrandfield", "zrandmember", "dump", "object|idletime", "object|freq", "role",
         "xinfo|consumers", "xinfo|stream", "xpending", "object|encoding", "object|refcount", "function|stats", "scan", "sscan", "hscan", "zscan",
         "function|dump", "vrandmember", "vsim", "vinfo", "vlinks", "vemb"}
# Replies whose elements come in any order.
UNORDERED = {"smembers", "sinter", "sunion", "sdiff", "keys", "hgetall", "hkeys", "hvals", "command", "command|list",
             "command|docs", "command|count", "spop", "function|list", "sort", "sort_ro", "command|info"}

KEYS = ["a", "b", "c", "list", "set", "zset", "hash", "stream", "str", "num", ""]
WORDS = ["x", "y", "z", "10", "3.5", "member", "field", "a longer value with spaces", "\x00\xff", "-1", "a"]
SCRIPTS = ["return 1", "return redis.call('get', KEYS[1])", "redis.call('set', KEYS[1], ARGV[1]) return {1,'two',false}",
           "return redis.call('incr', KEYS[1])", "return redis.error_reply('no')", "syntax error here",
           "return redis.pcall('lpush', KEYS[1], 'x', 'y')"]
LIBRARIES = ["#!lua name=one\nredis.register_function('f', function(k, a) return redis.call('incr', k[1]) end)",
             "#!lua name=two\nredis.register_function{function_name='g', callback=function(k, a) return a end, "
             "flags={'no-writes'}}", "#!lua name=bad\nnonsense("]
IDS = ["1-1", "2-0", "2-1", "3-7", "0", "0-0", "$", "5"]
# What would act by the clock acts either at once or not within the test.
TIMES = ["100000", "100000", "0", "-1", "x"]
DESTRUCTIVE = {"flushall", "flushdb", "swapdb", "move", "select"}


def about_server(name):
    """What else tests it; None: it is about data."""
    return SERVER.get(name, SERVER.get(name.split("|")[0]))


def learn(client):
    """{name: entry of COMMAND}, subcommands ("container|sub") in place of their containers."""
    found = {}
    for entry in client.must("COMMAND"):
        subcommands = entry[9] if len(entry) > 9 else []
        found.update({sub[0].lower(): sub for sub in subcommands} if subcommands else {entry[0].lower(): entry})
    return found


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


def learn_docs(client):
    """{name: list of argument descriptions}"""
    found = {}

    def take(name, flat):
        doc = pairs(flat)
        found[name.lower()] = [arguments(one) for one in doc.get("arguments", [])]
        for sub, more in pairs(doc.get("subcommands", [])).items():
            take(sub, more)

    def arguments(flat):
        one = pairs(flat)
        one["arguments"] = [arguments(inner) for inner in one.get("arguments", [])]
        return one

    for name, flat in pairs(client.must("COMMAND", "DOCS")).items():
        take(name, flat)
    return found


class Grammar:
    def __init__(self, entries, docs, random):
        self.entries, self.docs, self.random = entries, docs, random
        self.names = sorted(name for name in entries if about_server(name) is None)


    def request(self, name):
        """One request of the command, mostly a valid one."""
        words = name.split("|")
        dice = self.random.random()
        if dice < 0.04:
            return words + [self.random.choice(WORDS + KEYS) for _ in range(self.random.randrange(5))]
        request = words + self.some(name, self.docs.get(name, []))
        if not self.docs.get(name):
            arity = abs(self.entries[name][1]) - len(words)
            request = words + [self.random.choice(KEYS + WORDS) for _ in range(max(arity, 0))]
        if dice > 0.97 and len(request) > len(words):
            request.pop(self.random.randrange(len(words), len(request)))
        return request

    def some(self, name, described):
        return [word for one in described for word in self.one(name, one)]

    def one(self, name, argument):
        flags = argument.get("flags", [])
        if "optional" in flags and self.random.random() < 0.6 and name != "spop":
            return []
        times = self.random.choice([1, 1, 2, 3]) if "multiple" in flags else 1
        token = argument.get("token")
        each = "multiple_token" in flags
        out = [token] if token and not each and argument["type"] != "pure-token" else []
        for _ in range(times):
            out += [token] if token and each else []
            out += self.value(name, argument)
        return out

    def value(self, name, argument):
        kind, called, choice = argument["type"], argument["name"].lower(), self.random.choice
        if kind == "pure-token":
            return [argument["token"]]
        if kind == "oneof":
            return self.one(name, {**choice(argument["arguments"]), "flags": []})
        if kind == "block":
            return self.some(name, argument["arguments"])
        if kind == "key":
            return [choice(KEYS)]
        if called in ("numkeys", "num-keys", "numfields"):
            return [choice(["1", "1", "1", "2", "0", "x"])]
        if name.startswith("b") and called == "timeout":
            return ["0.01"]
        if name.startswith("xread") and called == "milliseconds":
            return ["1"]
        if kind == "unix-time" or called in ("seconds", "milliseconds", "ttl", "ms", "min-idle-time", "unix-time-seconds"):
            return [choice(TIMES)]
        if called in ("id", "start", "end", "lastid", "last-id") and name.startswith("x"):
            return [choice(IDS + ["-", "+"])]
        if name.startswith("x") and called in ("auto-id", "id-selector"):
            return [choice(IDS)]
        if called in ("index", "db", "destination-db", "index1", "index2") and name in ("select", "move", "copy", "swapdb"):
            return [choice(["0", "1", "0", "x"])]
        if name == "spop":
            return [choice(["100", "100", "0", "-1", "x"])]  # all of them: which ones would be chance
        if called == "script":
            return [choice(SCRIPTS)]
        if called == "function-code":
            return [choice(LIBRARIES)]
        if called == "function" or called == "library-name":
            return [choice(["f", "g", "one", "two", "none"])]
        if kind == "integer":
            return [choice(["0", "1", "2", "-1", "3", "7", "100"])]
        if kind == "double":
            return [choice(["0", "1.5", "-2", "3e2", "inf", "100"])]
        if kind == "pattern":
            return [choice(["*", "a*", "?", "[ab]*", "*_*"])]
        return [choice(WORDS)]

    def program(self, length):
        """Requests, with the name of the command that each is for."""
        weights = [0.1 if name in DESTRUCTIVE else 1 for name in self.names]
        return [(name, self.request(name)) for name in self.random.choices(self.names, weights, k=length)]

    def every(self):
        """One request of each command."""
        return [(name, self.request(name)) for name in self.names]


def diverges(name, request):
    """What is left out: whether chance, the clock or an order that is left open would decide what is there afterwards."""
    text = [word.upper() for word in request]
    if (name == "spop" and (len(request) == 2 or request[2:] == ["1"])) or (name in ("xadd", "xtrim") and ("*" in request or "~" in request)):
        return True
    if name == "hrandfield" and any(word.startswith("-") for word in request[2:]):
        return True  # 6.2.5 itself crashes
    return name == "sort" and "BY" in text and "*" not in "".join(request[text.index("BY") + 1:][:1])
