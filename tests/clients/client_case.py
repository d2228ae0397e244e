"""What the tests with real clients are made of: a Holdfast in front of a stock Redis, and a client's program as a
process of its own. Each folder beside this file has the programs of one language and a file that names the packages
and their versions; `packages.py` installs them.

A program is told by the environment where Holdfast is: REDIS_HOST and REDIS_PORT; with TLS and users also REDIS_SSL_CA,
REDIS_USERNAME and REDIS_PASSWORD. It ends with status 0 when all that
it checked was right, and with another status and the reason in its output when not. It knows nothing of Holdfast.
"""
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))
import harness  # noqa: E402, pylint: disable=wrong-import-position
from certificates import Authority  # noqa: E402, pylint: disable=wrong-import-position
from dataset import verify  # noqa: E402, pylint: disable=wrong-import-position

HERE = Path(__file__).resolve().parent


class ClientCase(harness.SystemTest):
    """A test of one client."""

    BUILD = "7.0.15"

    def serve(self, build=None, flags=(), **options):
        """Starts Redis and Holdfast, with the embedded log."""
        self.behind = self.redis(build or self.BUILD)
        self.proxy = self.holdfast(self.behind, f"sqlite:{self.directory}/{self.behind.build}.db", flags, **options)

    def verify(self, *flags):
        """What Redis holds is what the log says."""
        verify(self.proxy, self.behind, *flags)

    @property
    def where(self):
        return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.proxy.port)}

    def start_program(self, name, command, environment=None, cwd=None):
        return self.process(name, command, {**self.where, **(environment or {})}, cwd)

    def run_program(self, name, command, environment=None, cwd=None, timeout=120):
        """Runs a client's program to its end; it must find all as it should be. Returns what it printed."""
        program = self.start_program(name, command, environment, cwd)
        status = program.wait(timeout)
        self.assertEqual(status, 0, f"{name}:\n{harness.tail(program.output, 60)}")
        return program.said()


class Secure:
    """Beside a ClientCase: Holdfast speaks TLS only, and lets nobody in but two users of an ACL file: `app` with the
    rights of an application, and `admin`."""

    PASSWORD = "sesame"
    RIGHTS = "~* &* +@all -@dangerous -@admin +info +cluster|slots +cluster|shards +cluster|nodes"

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.directory)
        self.identity = self.authority.issue("holdfast")
        self.users = self.directory / "users.acl"
        self.users.write_text(f"user default off\nuser app on >{self.PASSWORD} {self.RIGHTS}\n"
                              f"user admin on >{self.PASSWORD} ~* &* +@all\n")

    def serve(self, build=None, flags=(), **options):
        flags = ("--users-file", self.users, "--tls-cert-file", self.identity.cert, "--tls-key-file", self.identity.key,
                 "--tls-auth-clients", "no", *flags)
        super().serve(build, flags, tls=self.authority.trusting(), **options)

    @property
    def where(self):
        return {**super().where, "REDIS_SSL": "yes", "REDIS_SSL_CA": str(self.authority.cert), "REDIS_USERNAME": "app",
                "REDIS_PASSWORD": self.PASSWORD}

    def sign_in(self, user):
        """A client of its own."""
        client = self.proxy.client(timeout=60)
        client.must("AUTH", user, self.PASSWORD)
        return client

    def verify(self, *flags):
        super().verify("--redis-username", "admin", "--redis-password", self.PASSWORD, *flags)


class JobsCase(ClientCase):
    """A program that lives on Redis does its work while the servers are killed under it."""

    FAULTS = 8

    def kill_proxy(self):
        self.proxy.kill()
        self.proxy.start()

    def kill_redis(self):
        """It comes back empty."""
        self.behind.kill()
        self.behind.start()
        self.proxy.wait_ready()

    def kill_both(self):
        self.proxy.kill()
        self.kill_redis_only()
        self.proxy.start()

    def kill_redis_only(self):
        self.behind.kill()
        self.behind.start()

    def kill_now_and_then(self, done, jobs, faults=None):
        """Kills something, waits until more jobs are done, and so on; then waits for all of them.

        done: returns how many jobs are done as far as is known. jobs: how many there are. Returns how often it killed.
        """
        faults = faults or self.FAULTS
        seed = random.SystemRandom().randrange(1 << 32)
        print(f"\n{self.id()}: seed {seed}", file=sys.stderr)
        choice = random.Random(seed)
        for number in range(faults):
            goal = jobs * (number + 1) // (faults + 2)
            harness.wait_until(lambda goal=goal: done() >= goal, f"{goal} of {jobs} jobs are done", timeout=90)
            fault = choice.choice((self.kill_proxy, self.kill_redis, self.kill_both))
            begin = time.monotonic()
            fault()
            print(f"  at {goal} of {jobs} jobs: {fault.__name__}, {time.monotonic() - begin:.1f} s", file=sys.stderr)
        harness.wait_until(lambda: done() >= jobs, f"all of {jobs} jobs are done", timeout=120)
        return faults
