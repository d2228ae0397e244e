"""go-redis: see go/."""
import os
import unittest

import packages
from client_case import HERE, ClientCase, Secure

GO = HERE / "go"
SOURCES = [GO / "go.mod", GO / "go.sum", *sorted(GO.glob("*.go"))]


def environment(directory):
    # -modcacherw: Go makes modules read-only otherwise, and then nobody but Go can remove them.
    return {**os.environ, "GOMODCACHE": str(directory / "modules"),
            "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false"}


def modules():
    """go-redis and what it needs."""
    def install(directory):
        packages.run("go", "mod", "download", cwd=GO, env=environment(directory))

    return packages.bring("go", SOURCES[:2], install)


def program():
    """Built anew when a source changes, without the network."""
    offline = {**environment(modules()), "GOPROXY": "off"}

    def install(directory):
        packages.run("go", "build", "-o", directory / "go-redis", ".", cwd=GO, env=offline)

    return packages.bring("go-program", SOURCES, install) / "go-redis"


class GoRedis(ClientCase):

    def test_go_redis(self):
        command = [program()]
        self.serve()
        self.run_program("go-redis", command)

    def test_cluster_client(self):
        command = [program(), "cluster"]
        self.serve(flags=("--cluster-enabled",))
        self.run_program("go-redis", command)


class GoRedisAsUser(Secure, ClientCase):
    def test_users(self):
        command = [program(), "users"]
        self.serve(flags=("--cluster-enabled",))
        self.run_program("go-redis", command)


if __name__ == "__main__":
    unittest.main()
