"""What a Redis holds, so that tests can compare two of them key by key, and read replies as the bytes that they are."""
import contextlib

import harness

MARKER = "holdfast:marker"
BATCH = 2000


class RawClient(harness.Client):
    """Replies are the bytes of one whole reply, just as they came."""

    def __init__(self, port, **options):
        super().__init__(port, binary=True, **options)

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection was closed")
        if line[:1] == b"$" and line != b"$-1\r\n":
            size = int(line[1:]) + 2
            data = self.stream.read(size)
            if len(data) != size:
                raise ConnectionError("the connection was closed within a reply")
            return line + data
        if line[:1] == b"*" and line != b"*-1\r\n":
            return line + b"".join(self.read() for _ in range(int(line[1:])))
        return line

    def read_to_end(self):
        """All that comes until the server closes. One that closes with requests still unread resets the connection;
        what it had answered before is here all the same."""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while some := self.stream.read1():
                data += some
        return data


class TreeClient(harness.Client):
    """Replies as trees: (kind, bytes or list)."""

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection was closed")
        kind, rest = line[:1].decode(), line[1:-2]
        if kind in "$=!" and rest != b"-1":
            return kind, self.stream.read(int(rest) + 2)[:-2]
        if kind in "*~>%|" and rest != b"-1":
            tree = kind, [self.read() for _ in range(int(rest) * (2 if kind in "%|" else 1))]
            return (kind, [tree, self.read()]) if kind == "|" else tree
        return kind, rest


def databases(client):
    return int(client.must("CONFIG", "GET", "databases")[1])


def remove_marker(port):
    """Takes Holdfast's marker away, for a comparison of digests. Only when no proxy is there any more."""
    with harness.Client(port) as client:
        client.must("SELECT", databases(client) - 1)
        client.must("DEL", MARKER)
        client.must("SELECT", 0)


def keys_of(client):
    keys, cursor = set(), "0"
    while True:
        cursor, some = client.must("SCAN", cursor, "COUNT", BATCH)
        keys.update(some)
        if cursor == "0":
            return sorted(keys)


def contents(port, dbs=16):
    """{(database, key): (digest of its value, when it expires)} of a Redis. Where Redis cannot tell the time that a
    key expires (6.2), only whether it does."""
    found = {}
    with harness.Client(port, timeout=120) as client:
        exact = not isinstance(client.command("PEXPIRETIME", "x"), harness.RespError)
        for db in range(dbs):
            client.must("SELECT", db)
            keys = keys_of(client)
            for start in range(0, len(keys), BATCH):
                some = keys[start:start + BATCH]
                digests = client.must("DEBUG", "DIGEST-VALUE", *some)
                times = client.pipeline([("PEXPIRETIME" if exact else "PTTL", key) for key in some])
                for key, digest, time in zip(some, digests, times):
                    if time != -2:  # it has expired meanwhile
                        found[db, key] = (digest, time if exact else time >= 0)
    return found


def differences(left, right, time_ms=0, limit=20):
    """Lines that say where two contents() differ; the times at which keys expire may do so by time_ms."""
    def same(one, other):
        if not one or not other:
            return False
        return one == other or (one[0] == other[0] and one[1] > 0 and abs(one[1] - other[1]) <= time_ms)

    lines = [f"{key}: {left.get(key)} and {right.get(key)}" for key in sorted(left.keys() | right.keys())
             if not same(left.get(key), right.get(key))]
    if len(lines) > limit:
        lines[limit:] = [f"... {len(lines)} keys in all"]
    return "\n".join(lines)


def verify(proxy, redis, *flags):
    """holdfast-recover: the proxy's Redis equals its log. flags: more of them."""
    harness.recover("verify", "--log", proxy.log, "--snapshots", proxy.snapshots, "--redis", redis.address,
                    "--redis-server", redis.program, *flags)


def replay(proxy, redis):
    """holdfast-recover: fills a Redis out of the proxy's log."""
    harness.recover("replay", "--log", proxy.log, "--snapshots", proxy.snapshots, "--to-redis", redis.address)
