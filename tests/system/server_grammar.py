"""Random requests of the commands that are about the server and its connections: what Grammar of command_grammar.py
makes up of them would stop the server, or its words would never meet what is there."""

from command_grammar import UNORDERED as DATA_UNORDERED
from command_grammar import Grammar, about_server

# What of the replies is the same. Where a command is not in here, all of it is.
KIND = "kind"  # a number, a text, an array: what they tell is about one process, or about a moment
UNORDERED = "unordered"
REFUSED = "refused"  # by both, each for its own reason
OURS = "ours"  # not sent to the plain Redis, which might obey: Holdfast refuses it
ANY = "any"  # an error or not: whether another child process is there yet
RULES = {
    **dict.fromkeys(("acl|genpass", "acl|log", "client|id", "client|info", "client|list", "commandlog|get",
                     "commandlog|len", "debug", "hello", "info", "lastsave", "latency|doctor", "latency|graph", "latency|histogram",
                     "latency|history", "latency|latest", "latency|reset", "memory|doctor", "memory|malloc-stats",
                     "memory|stats", "memory|usage", "role", "slowlog|get", "slowlog|len", "wait", "waitaof"), KIND),
    **dict.fromkeys(("acl|cat", "acl|list", "acl|users", "config|get", "pubsub|channels", "pubsub|shardchannels"), UNORDERED),
    **dict.fromkeys(("module", "module|load", "module|loadex", "module|unload"), REFUSED),
    **dict.fromkeys(("debug|refused", "failover", "restore-asking", "script|debug", "shutdown"), OURS),
    **dict.fromkeys(("bgrewriteaof", "bgsave", "save"), ANY),
    **dict.fromkeys(DATA_UNORDERED, UNORDERED),
}
# They make something else of their connection: on one of their own, of which the first line counts.
ALONE = {"monitor", "psync", "sync"}
# Words of others would stop the server for long, or name a client that is there; of names, newer builds look only at
# what stands before a NUL.
NO_STRANGERS = {"client|kill", "client|list", "client|pause", "client|setinfo", "client|setname", "client|tracking", "client|unblock",
                "migrate", "psync", "replicaof", "slaveof", "wait", "waitaof"}
# Their replies come as they like, or end the connection: not inside MULTI. Nor what Holdfast refuses there.
NOT_QUEUED = ALONE | {"subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe", "quit", "reset",
                      "client|reply", "client|kill", "client|pause", "hello", "auth", "host:", "post", "replconf",
                      "acl|setuser", "acl|deluser", "acl|load", "acl|save", "config|set", "replicaof", "slaveof", "migrate",
                      "debug", "debug|refused", "wait", "waitaof", "bgsave", "save", "bgrewriteaof"}

USERS = ("u1", "u2")
CHANNELS = ("c1", "c2", "d{a}", "")
RIGHTS = ("on", "off", ">pw", "<pw", "nopass", "resetpass", "reset", "~a*", "~*", "resetkeys", "allcommands", "+@read",
          "+@all", "-@all", "-@dangerous", "+get", "-set", "+config|get", "+client|id", "&c*", "allchannels",
          "resetchannels", "nonsense", "%R~x*", "(+get ~b)", "clearselectors")
# Settings of clients and data that mean the same to both. Of each, values that are right and wrong.
SETTINGS = {
    "timeout": ("0", "100", "-1", "x"), "maxclients": ("5000", "0", "x"), "slowlog-max-len": ("0", "10", "-1"),
    "slowlog-log-slower-than": ("-1", "10000", "x"), "hash-max-listpack-entries": ("128", "512", "-1"),
    "list-max-listpack-size": ("-2", "128", "x"), "set-max-intset-entries": ("512", "3"), "lua-time-limit": ("5000", "x"),
    "proto-max-bulk-len": ("512mb", "1", "x"), "client-query-buffer-limit": ("1gb", "10", "x"),
    "client-output-buffer-limit": ("normal 0 0 0", "pubsub 32mb 8mb 60", "normal 1", "master 0 0 0", "x"),
    "maxmemory-policy": ("noeviction", "allkeys-lru", "nonsense"), "maxmemory-samples": ("5", "0"), "hz": ("10", "x"),
    "tracking-table-max-keys": ("1000000", "-1"), "latency-monitor-threshold": ("0", "1000"), "no-such-setting": ("1",),
    "activerehashing": ("yes", "no", "maybe"), "lazyfree-lazy-user-del": ("yes", "no", "x"),
}
CATEGORIES = ("read", "write", "set", "hash", "dangerous", "pubsub", "nosuch")

# Each command's arguments, as alternatives: the words of one request, in which {name} is one of that pool.
POOLS = {"user": USERS, "channel": CHANNELS, "right": RIGHTS, "category": CATEGORIES,
         "key": ("a", "b", "str", "list", "nothing"), "pattern": ("*", "c*", "d[{]*", "c?"), "yes": ("yes", "no", "x"),
         "on": ("on", "off", "ON", "x"), "word": ("x", "name", "two words", ""), "setting": tuple(SETTINGS)}
ARGUMENTS = {
    "acl|cat": ("", "{category}"),
    "acl|deluser": ("{user}", "{user} nobody", "default"),
    "acl|dryrun": ("{user} get a", "{user} set {key} 1", "default get a", "nobody get a", "{user} nosuch", "{user} get"),
    "acl|genpass": ("", "5", "0", "x", "5000"),
    "acl|getuser": ("{user}", "default", "nobody"),
    "acl|log": ("", "3", "reset", "x"),
    "acl|setuser": ("{user} {right}", "{user} {right} {right}", "{user} on nopass {right} {right} {right}", "{user}"),
    "auth": ("x", "{user} pw", "{user} wrong", "nobody pw", "default x", "a b c"),
    "client|caching": ("{yes}",),
    "client|capa": ("redirect", "x", "redirect x"),
    "client|import-source": ("{on}",),
    "client|kill": ("ip 1.2.3.4", "idle 100000", "flags S", "flags Z", "db 99", "db 3", "name nobody", "lib-name x", "capa x",
                    "id 999999 999998", "not-id 0", "not-type x", "not-flags Z", "not-db x", "not-user nobody", "maxage x",
                    "1.2.3.4:5", "id 999999", "id x", "addr 1.2.3.4:5", "laddr 1.2.3.4:5", "type replica", "type x",
                    "user {user}", "user nobody", "skipme maybe", "id 999999 skipme {yes}", "maxage 100000", "x y", "id"),
    "client|list": ("flags N", "flags Z", "db 0", "db 99", "name {word}", "lib-name x", "lib-ver 1", "capa r", "capa x",
                    "user default", "user nobody", "not-id 0", "not-id 999999", "not-user default", "not-capa x",
                    "maxage x", "skipme yes", "ip 1", "id 999999 999998", "id", "type", "", "id 999999", "type pubsub", "type x", "id x"),
    "client|no-evict": ("{on}",),
    "client|no-touch": ("{on}",),
    "client|pause": ("0", "1", "1 write", "1 all", "x", "-1", "1 x"),
    "client|reply": ("on", "off", "skip", "x"),
    "client|setinfo": ("lib-name {word}", "lib-ver 1", "lib-name a\nb", "nonsense x"),
    "client|setname": ("{word}", "name", ""),
    "client|tracking": ("on", "off", "{on}", "on bcast", "on bcast prefix a prefix b", "on bcast prefix a prefix ab", "on optin",
                        "on optout", "on noloop", "on optin optout", "on redirect 999999", "on redirect x", "on prefix a",
                        "on bcast optin", "off bcast"),
    "client|unblock": ("999999", "999999 timeout", "999999 error", "999999 x", "x"),
    "cluster|countkeysinslot": ("0", "x"), "cluster|keyslot": ("{key}",), "cluster|getkeysinslot": ("0 10",),
    "config|get": ("{setting}", "{setting} {setting}", "no-such*", "hash-max-*", "*touch*"),
    "config|set": ("databases 3", "{setting} {value}", "{setting} {value}", "{setting} {value} {setting} {value}", "{setting}"),
    "debug": ("sleep 0", "jmap", "object {key}", "object nothing", "set-active-expire 1", "stringmatch-len 3 x", "nonsense",
              "quicklist-packed-threshold 0", "help"),
    "debug|refused": ("change-repl-id", "replicate 1 x", "segfault", "populate 10"),
    "failover": ("", "abort", "to host 1", "x"),
    "hello": ("", "2", "3", "4", "x", "3 setname {word}", "2 setname name", "3 auth {user} pw", "3 auth default x",
              "3 auth x", "2 nonsense", "2 auth {user} pw nonsense", "3 auth {user} pw setname {word}"),
    "info": ("", "server", "clients", "memory", "persistence", "stats", "replication", "cpu", "keyspace", "commandstats",
             "everything", "nosuch", "Server"),
    "latency|graph": ("command", "nosuch"), "latency|history": ("command", "nosuch"), "latency|reset": ("", "command"),
    "latency|histogram": ("", "get", "nosuch"),
    "memory|usage": ("{key}", "nothing", "{key} samples 0", "{key} samples x", "{key} x"),
    "migrate": ("127.0.0.1 1 nothing 0 100", "127.0.0.1 1 nothing 0 x", "127.0.0.1 x {key} 0 100", "127.0.0.1 1 a 0 100 keys b",
                "127.0.0.1 1 nothing 0 100 auth", "127.0.0.1 1  0 100 keys nothing"),
    "module|load": ("nofile.so",), "module|loadex": ("nofile.so",), "module|unload": ("nothing",),
    "psubscribe": ("{pattern}", "{pattern} {pattern}"),
    "pubsub|channels": ("", "{pattern}"), "pubsub|numsub": ("", "{channel}", "{channel} {channel}"),
    "pubsub|shardchannels": ("", "{pattern}"), "pubsub|shardnumsub": ("", "{channel}"),
    "punsubscribe": ("", "{pattern}"),
    "replconf": ("listening-port 1", "listening-port x", "capa eof", "nonsense x", "listening-port"),
    "replicaof": ("no one", "NO ONE"), "slaveof": ("no one",),
    "script|debug": ("yes", "sync", "x"),
    "shutdown": ("", "nosave", "save", "x"),
    "slowlog|get": ("", "1", "-1", "x"), "commandlog|get": ("1 slow", "1 large-reply", "1 x", "x slow"),
    "commandlog|len": ("slow", "x"), "commandlog|reset": ("slow", "x"),
    "ssubscribe": ("{channel}",), "subscribe": ("{channel}", "{channel} {channel}"), "sunsubscribe": ("", "{channel}"),
    "unsubscribe": ("", "{channel}", "{channel} {channel}"),
    "wait": ("0 0", "0 x", "x 0", "-1 0"), "waitaof": ("0 0 1", "2 0 0", "x 0 0", "0 x 0"),
}


class ServerGrammar:
    """Requests of these commands, mixed with some that read and write."""

    BETWEEN = ("get", "set", "del", "mget", "incr", "rpush", "lrange", "blpop", "hset", "hgetall", "sadd", "smembers", "eval",
               "publish", "spublish", "watch", "echo", "select")

    def __init__(self, entries, docs, random):
        self.random, self.entries, self.docs = random, entries, docs
        self.grammar = Grammar(entries, docs, random)
        self.names = sorted(name for name in entries if about_server(name) is not None)
        self.old = "acl" in entries  # 6.2; its PUBLISH in MULTI puts the message in the middle of EXEC's reply
        self.weighted = [name for name in self.names for _ in self.forms(name) or [name]]
        self.between = [name for name in self.BETWEEN if name in entries]

    def words(self, template):
        out, setting = [], None
        for word in template.split(" ") if template else []:
            pool = SETTINGS[setting] if word == "{value}" else POOLS.get(word.strip("{}")) if word[:1] == "{" else (word,)
            out.append(self.random.choice(pool))
            setting = out[-1] if word == "{setting}" else setting
        return out

    def forms(self, name):
        """Subcommands, where the build does not tell of them (6.2)."""
        return sorted({full for full in (*ARGUMENTS, *self.docs) if full == name or full.startswith(name + "|")})

    def request(self, name):
        """(the command, or its subcommand; the words of a request)"""
        forms = self.forms(name)
        full = self.random.choice(forms) if forms else name
        if full in ARGUMENTS and (full in NO_STRANGERS or self.random.random() < 0.9):
            words = full.removesuffix("|refused").split("|")
            return full, words + self.words(self.random.choice(ARGUMENTS[full]))
        if full in self.entries:
            words = self.grammar.request(full)
            named = "|".join(words[:2]).lower()
            return named if named in RULES else full, words
        return full, full.split("|") + self.grammar.some(full, self.docs.get(full, []))

    def transaction(self):
        inner = [self.request(name) for name in self.random.choices(self.weighted + self.between * 3, k=4)]
        inner = [(name, words) for name, words in inner if name not in NOT_QUEUED and RULES.get(name) not in (OURS, REFUSED)
                 and not (self.old and name == "publish")]
        return [("multi", ["multi"]), *inner, ("exec", ["exec"])]

    def units(self, length):
        """What is said at once: one request, or a transaction. Each command is in it."""
        back = ["reset"] * (length // 12)  # out of what SUBSCRIBE has left
        names = self.names + back + self.random.choices(self.weighted + self.between * 3 + ["hello"] * 6, k=length)
        self.random.shuffle(names)
        for name in names:
            if self.random.random() < 0.1:
                yield self.transaction()
            yield [self.request(name)]
