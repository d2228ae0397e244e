"""What system tests are made of: real processes, started, killed, frozen and stopped; and a small Redis client.

    class SomeTest(harness.SystemTest):
        def test_something(self):
            redis = self.redis("7.0.15")
            holdfast = self.holdfast(redis=redis)
            client = holdfast.client()
            self.assertEqual(client.command("SET", "a", "1"), "OK")

Everything that a test starts is stopped at its end, however it ends. What the processes said is kept in the test's
directory; of a test that failed the directory stays and the ends of the files are shown.
"""
import atexit
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
CACHE = Path(os.environ.get("HOLDFAST_CACHE") or ROOT / "cache")
REDIS_BUILDS = ("6.2.5", "7.0.15", "8.2.3", "valkey-9.1.2")
START_TIMEOUT = 60
STOP_TIMEOUT = 40

_ports_given = set()


def free_port():
    """A port that is free, below the range that outgoing connections use; no port is given twice."""
    for _ in range(1000):
        port = random.randint(15000, 32000)
        if port in _ports_given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _ports_given.add(port)
        return port
    raise RuntimeError("there is no free port")


def wait_until(condition, what, timeout=START_TIMEOUT, interval=0.02):
    """Polls until the condition holds and returns what it returned; fails with `what` after the time-out."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(interval)


def redis_server(build):
    """The path of a Redis build's server; fetched when it is not there yet."""
    path = CACHE / "redis" / build / "redis-server"
    if not path.exists():
        subprocess.run([ROOT / "scripts" / "redis-builds"], check=True, stdout=subprocess.DEVNULL)
    return path


# --- a Redis client ------------------------------------------------------------------------------------------------

class RespError(Exception):
    """An error reply. Returned as a value, not raised: error replies are results that tests compare."""

    def __eq__(self, other):
        return isinstance(other, RespError) and str(self) == str(other)

    def __hash__(self):
        return hash(str(self))


class Client:
    """A RESP2 client on one connection. Connection errors are raised as OSError (ConnectionError, TimeoutError)."""

    def __init__(self, port, host="127.0.0.1", timeout=30, binary=False, tls=None):
        """With binary, replies are bytes; otherwise text, with bytes that are not UTF-8 kept by surrogates.
        tls: an ssl.SSLContext."""
        self.binary = binary
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            # No end without TLS's own.
            self.socket = tls.wrap_socket(self.socket, server_hostname=host, suppress_ragged_eofs=False)
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if hasattr(self, "stream"):
            self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    def command(self, *arguments):
        """One command, one reply: str, int, list, None or RespError."""
        self.send(*arguments)
        return self.read()

    def must(self, *arguments):
        """As command, but an error reply is raised."""
        reply = self.command(*arguments)
        if isinstance(reply, RespError):
            raise reply
        return reply

    def pipeline(self, commands):
        """Sends all commands (each a tuple or list) at once, then returns the replies."""
        commands = list(commands)
        self.send_raw(b"".join(encode(command) for command in commands))
        return [self.read() for _ in commands]

    def send(self, *arguments):
        """Sends without waiting for the reply; read() has it."""
        self.send_raw(encode(arguments))

    def send_raw(self, data):
        self.socket.sendall(data)

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection was closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return self.text(rest)
        if kind == b"-":
            return RespError(rest.decode(errors="surrogateescape"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            if size < 0:
                return None
            data = self.stream.read(size + 2)
            if len(data) != size + 2:
                raise ConnectionError("the connection was closed within a reply")
            return self.text(data[:-2])
        if kind == b"*":
            count = int(rest)
            return None if count < 0 else [self.read() for _ in range(count)]
        raise ValueError(f"not a reply: {line!r}")

    def text(self, data):
        return data if self.binary else data.decode(errors="surrogateescape")


def words(text):
    """A command written as in redis-cli: quotes keep words together, \\n is a line end."""
    return [word.replace("\\n", "\n") for word in shlex.split(text)]


def version_of(build):
    """Of Redis; a Valkey counts as newer than all."""
    return (99,) if build.startswith("valkey") else tuple(int(part) for part in build.split(".")[:2])


def encode(arguments):
    """A command as RESP. Text, bytes and numbers are taken."""
    parts = []
    for argument in arguments:
        if not isinstance(argument, bytes):
            argument = str(argument).encode(errors="surrogateescape")
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"*%d\r\n%s" % (len(parts), b"".join(parts))


# --- processes -----------------------------------------------------------------------------------------------------

class Process:
    """A process of a test, with what it says in a file."""

    live = []  # all that were started and not stopped, for the end of the program

    def __init__(self, name, directory):
        self.name = name
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.output = self.directory / f"{name}.out"
        self.child = None

    def launch(self, command, environment=None, cwd=None):
        with open(self.output, "ab") as output:
            self.child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output,
                                          stderr=output, start_new_session=True, cwd=cwd or self.directory,
                                          env=None if environment is None else {**os.environ, **environment})
        Process.live.append(self)

    @property
    def pid(self):
        return self.child.pid

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def send_signal(self, number):
        if not self.is_running():
            raise AssertionError(f"{self.name} does not run")
        os.kill(self.pid, number)

    def pause(self):
        """SIGSTOP; returns when the process has stopped."""
        self.send_signal(signal.SIGSTOP)
        wait_until(lambda: self.state() in ("T", None), f"{self.name} pauses")

    def resume(self):
        self.send_signal(signal.SIGCONT)

    def state(self):
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return None

    def kill(self):
        """SIGKILL; returns when the process is gone."""
        if self.is_running():
            self.child.kill()
            self.child.wait()
        self.forget()

    def stop(self, timeout=STOP_TIMEOUT):
        """SIGTERM; returns the exit status, and fails if it takes too long."""
        if self.is_running():
            self.child.terminate()
            self.send_signal_if_running(signal.SIGCONT)
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not stop within {timeout} s of SIGTERM") from None
        self.forget()
        return self.child.returncode if self.child else None

    def send_signal_if_running(self, number):
        if self.is_running():
            os.kill(self.pid, number)

    def wait(self, timeout=STOP_TIMEOUT):
        """Waits for the process to end by itself; returns the exit status."""
        try:
            self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {timeout} s") from None
        self.forget()
        return self.child.returncode

    def forget(self):
        if self in Process.live:
            Process.live.remove(self)

    def said(self):
        """All that it printed."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def wait_said(self, text, timeout=START_TIMEOUT):
        def look():
            if text in self.said():
                return True
            if not self.is_running():
                raise AssertionError(f"{self.name} ended without saying {text!r}:\n{tail(self.output)}")
            return False

        wait_until(look, f"{self.name} says {text!r}", timeout)


class RespProcess(Process):
    """A process that speaks Redis's protocol on a port."""

    def __init__(self, name, directory, port=None):
        super().__init__(name, directory)
        self.port = port or free_port()
        self.tls = None  # an ssl.SSLContext: it speaks TLS there, and nothing else

    def client(self, **options):
        return Client(self.port, tls=self.tls, **options)

    def answers(self):
        """Whether it serves its data. Holdfast answers PING before that, and lets other requests wait a while."""
        try:
            with self.client(timeout=10) as client:
                reply = client.command("DBSIZE")
                return isinstance(reply, int) or str(reply).startswith(("NOAUTH", "NOPERM"))
        except OSError:
            return False

    def wait_ready(self, timeout=START_TIMEOUT):
        def look():
            if not self.is_running():
                raise AssertionError(f"{self.name} ended with status {self.child.returncode}:\n{tail(self.output)}")
            return self.answers()

        wait_until(look, f"{self.name} answers on port {self.port}", timeout)
        return self


class RedisServer(RespProcess):
    """A stock Redis, set up as Holdfast wants it. start() after a kill() gives an empty one on the same port."""

    def __init__(self, build, directory, options=(), name=None, tls=None):
        """tls: an ssl.SSLContext; the options must say the certificates then."""
        super().__init__(name or f"redis-{build}", directory)
        self.tls = tls
        self.build = build
        self.program = redis_server(build)
        self.options = list(options)
        self.data = self.directory / f"{self.name}-data"

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self, rdb=None, keep=False):
        """rdb: a file whose data it loads. keep: it comes back with what it has written."""
        if not keep:
            shutil.rmtree(self.data, ignore_errors=True)
            self.data.mkdir()
        if rdb is not None:
            shutil.copy(rdb, self.data / "dump.rdb")
        # A copy: CONFIG REWRITE writes it.
        config = shutil.copy(ROOT / "scripts" / "redis.conf", self.directory / f"{self.name}.conf")
        command = [self.program, config, "--port", self.port, "--bind", "127.0.0.1",
                   "--dir", self.data]
        if not self.build.startswith("6."):
            command += ["--enable-debug-command", "yes"]
        if self.tls is not None:
            command += ["--port", "0", "--tls-port", self.port]
        self.launch(command + self.options)
        return self.wait_ready()

    def come_back_with_its_save(self):
        """Killed, and started with what it saved last."""
        kept = self.directory / f"{self.name}-kept.rdb"
        kept.write_bytes((self.data / "dump.rdb").read_bytes())
        self.kill()
        self.start(rdb=kept)

    def digest(self):
        with self.client() as client:
            return client.must("DEBUG", "DIGEST")


class Holdfast(RespProcess):
    """The proxy. It can be started again after kill() and stop(), with the same settings."""

    def __init__(self, directory, redis, log=None, flags=(), environment=None, name="holdfast", tls=None,
                 host="127.0.0.1"):
        """redis: a RedisServer or HOST:PORT. log: a log's URL; an SQLite file in the directory by default. tls: an
        ssl.SSLContext, for a proxy without a plain port. host: where it listens, loopback at least."""
        super().__init__(name, directory)
        self.tls = tls
        self.redis = redis if isinstance(redis, str) else redis.address
        server = redis.program if isinstance(redis, RedisServer) else redis_server("7.0.15")
        self.log = log or f"sqlite:{self.directory}/log.db"
        self.snapshots = self.directory / "snapshots"
        self.environment = environment
        listen = ["--listen", "off", "--tls-listen"] if tls is not None else ["--listen"]
        self.command_line = [BUILD / "holdfast", *listen, f"{host}:{self.port}", "--redis", self.redis,
                             "--log", self.log, "--snapshots", self.snapshots, "--redis-server", server, *flags]

    def start(self, wait=True):
        """Starts it and, unless wait is False, waits until it serves data."""
        self.launch(self.command_line, self.environment)
        return self.wait_ready() if wait else self


class EveryBuild:
    """One test for each build of Redis: on_build(build)."""

    def test_redis_6_2(self):
        self.on_build("6.2.5")

    def test_redis_7_0(self):
        self.on_build("7.0.15")

    def test_redis_8_2(self):
        self.on_build("8.2.3")

    def test_valkey_9_1(self):
        self.on_build("valkey-9.1.2")


def recover(*arguments, timeout=300, check=True):
    """Runs holdfast-recover and returns the completed process, with its output as text."""
    done = subprocess.run([str(part) for part in (BUILD / "holdfast-recover", *arguments)], capture_output=True,
                          text=True, errors="replace", timeout=timeout, stdin=subprocess.DEVNULL, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"holdfast-recover {' '.join(map(str, arguments))} ended with status {done.returncode}:\n"
                             f"{done.stdout}{done.stderr}")
    return done


class KafkaCluster:
    """A cluster of three brokers, by way of scripts/kafka-cluster."""

    live = []

    def __init__(self, directory, brokers=3, listeners=(), properties=None):
        """listeners: ("NAME=PROTOCOL", ...), beside the plain one; properties: a file, added to the brokers'."""
        self.directory = Path(directory)
        self.brokers = brokers
        self.options = [f"--listener={one}" for one in listeners]
        if properties is not None:
            self.options.append(f"--properties={properties}")
        self.bootstrap = None

    def start(self):
        if self not in KafkaCluster.live:
            KafkaCluster.live.append(self)
        self.bootstrap = self._run("start", "--brokers", self.brokers, *self.options).strip()
        return self

    def stop(self):
        self._run("stop")
        if self in KafkaCluster.live:
            KafkaCluster.live.remove(self)

    def kill(self, number):
        self._run("kill", number)

    def start_broker(self, number):
        """Starts a broker again and waits until it answers."""
        self._run("start-broker", number)

    def pause(self, number):
        self._run("pause", number)

    def resume(self, number):
        self._run("resume", number)

    def url(self, topic, listener=None):
        bootstrap = self._run("bootstrap", "--listener", listener).strip() if listener else self.bootstrap
        return f"kafka://{bootstrap}/{topic}"

    def create_topic(self, topic, **settings):
        """Creates a topic of one partition; settings with "_" for ".", for example min_insync_replicas=2."""
        given = [f"--config={key.replace('_', '.')}={value}" for key, value in settings.items()]
        self.tool("org.apache.kafka.tools.TopicCommand", "--create", "--topic", topic, "--partitions", "1", *given)

    def tool(self, java_class, *arguments):
        """Runs one of Kafka's own tools against the cluster; returns what it printed."""
        libs = subprocess.run([ROOT / "scripts" / "kafka-fetch"], check=True, stdout=subprocess.PIPE, text=True)
        done = subprocess.run(["java", "-Xmx128m", "-XX:TieredStopAtLevel=1",
                               "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{libs.stdout.strip()}/*",
                               java_class, "--bootstrap-server", self.bootstrap, *arguments],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{java_class} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _run(self, verb, *arguments):
        done = subprocess.run([str(part) for part in (ROOT / "scripts" / "kafka-cluster", verb, *arguments, "--dir",
                                                      self.directory)],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise AssertionError(f"kafka-cluster {verb}: {done.stdout}{done.stderr}")
        return done.stdout


_shared_kafka = None


def shared_kafka():
    """One cluster for all tests of a program that do not harm it; started at the first use."""
    global _shared_kafka
    if _shared_kafka is None:
        _shared_kafka = KafkaCluster(tempfile.mkdtemp(prefix="holdfast-kafka-")).start()
    return _shared_kafka


# --- the end -------------------------------------------------------------------------------------------------------

@atexit.register
def stop_everything():
    # In order, where that works: ./run stops what it started, if it is let.
    for process in Process.live:
        process.send_signal_if_running(signal.SIGTERM)
        process.send_signal_if_running(signal.SIGCONT)
    deadline = time.monotonic() + STOP_TIMEOUT
    while any(process.is_running() for process in Process.live) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in list(Process.live):
        process.kill()
    for cluster in list(KafkaCluster.live):
        cluster.stop()
    if _shared_kafka is not None:
        shutil.rmtree(_shared_kafka.directory, ignore_errors=True)


# As Ctrl-C does: it ends the run of the tests (unittest takes any other exception for a failure of one test), and what
# was started is stopped.
signal.signal(signal.SIGTERM, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.default_int_handler)
signal.signal(signal.SIGINT, signal.default_int_handler)


def tail(path, lines=40):
    return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])


class SystemTest(unittest.TestCase):
    """A test with a directory of its own, whose processes are stopped at its end."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="holdfast-test-"))
        self.addCleanup(self._end)
        self._started = []

    def redis(self, build="7.0.15", options=(), name=None, tls=None):
        """Starts a Redis."""
        return self._start(RedisServer(build, self.directory, options, name, tls))

    def holdfast(self, redis, log=None, flags=(), wait=True, **options):
        """Starts a proxy in front of it."""
        holdfast = Holdfast(self.directory, redis, log, flags, **options)
        self._started.append(holdfast)
        return holdfast.start(wait)

    def kafka(self, brokers=3):
        """Starts a cluster for this test alone (shared_kafka() is faster when the test does not harm it)."""
        return self._start(KafkaCluster(self.directory / "kafka", brokers))

    def process(self, name, command, environment=None, cwd=None):
        """Starts any other program."""
        process = Process(name, self.directory)
        self._started.append(process)
        process.launch(command, environment, cwd)
        return process

    def _start(self, process):
        self._started.append(process)
        return process.start()

    def _end(self):
        failed = self._has_failed()
        for process in reversed(self._started):
            if isinstance(process, Process):
                if failed and process.child is not None and process.child.poll() is not None:
                    print(f"\n--- {process.name} had ended, with status {process.child.returncode}", file=sys.stderr)
                process.kill()
            elif process in KafkaCluster.live:
                process.stop()
        if not failed:
            shutil.rmtree(self.directory, ignore_errors=True)
            return
        print(f"\n--- {self.id()} failed; what its processes said is in {self.directory}", file=sys.stderr)
        for path in sorted(self.directory.glob("*.out")):
            print(f"--- {path.name}, its end\n{tail(path)}", file=sys.stderr)

    def run(self, result=None):
        self._result = result if result is not None else self.defaultTestResult()
        return super().run(self._result)

    def _has_failed(self):
        problems = self._result.failures + self._result.errors
        return any(getattr(test, "test_case", test) is self for test, _ in problems)  # a subtest names its test
