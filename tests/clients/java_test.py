"""Jedis and Lettuce: see java/."""
import unittest

import packages
from client_case import HERE, ClientCase, Secure

POM = HERE / "java" / "pom.xml"
SOURCES = [POM, *sorted((HERE / "java").glob("src/main/java/*.java"))]


def maven(repository, out, *goals):
    packages.run("mvn", "-q", "-B", "-f", POM, f"-Dmaven.repo.local={repository}", f"-Dout={out}", *goals)


def repository():
    """Maven's plugins, the clients and what they need: what a build brings."""
    def install(directory):
        maven(directory / "repository", directory / "out", "compile", "dependency:copy-dependencies")

    return packages.bring("java", [POM], install) / "repository"


def classes():
    """What to give Java as class path. Built anew when a source changes, without the network."""
    brought = repository()

    def install(directory):
        maven(brought, directory, "-o", "compile", "dependency:copy-dependencies")

    directory = packages.bring("java-programs", SOURCES, install)
    return f"{directory}/classes:{directory}/libraries/*"


class JavaCase(ClientCase):
    def run_java(self, program, flags=()):
        # A program of seconds: the second compiler would cost more than it brings.
        command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                   "-cp", classes(), program]
        self.serve(flags=flags)
        self.run_program(program, command)


class Java(JavaCase):
    def test_jedis(self):
        self.run_java("JedisProgram")

    def test_lettuce(self):
        self.run_java("LettuceProgram")

    def test_cluster_clients(self):
        self.run_java("ClusterProgram", ("--cluster-enabled",))


class JavaAsUser(Secure, JavaCase):
    def test_users(self):
        self.run_java("UsersProgram", ("--cluster-enabled",))


class JavaOfToday(Java):
    BUILD = "8.2.3"

    def test_jedis_with_a_cache(self):
        self.run_java("JedisCacheProgram")


if __name__ == "__main__":
    unittest.main()
