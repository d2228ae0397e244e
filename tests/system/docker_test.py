"""The image and the compose file, without an engine: each COPY and RUN of the Dockerfile is done in a plain directory
for each stage, and each service of the compose file runs from there, on a loopback address of its own."""
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

import harness

DOCKER = harness.ROOT / "docker"
WORKDIR = "/opt/holdfast"


def parse_dockerfile(text):
    """The stages by name, each a list of (instruction, rest)."""
    stages, current = {}, None
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            current = stages.setdefault(name, [])
            current.append(("FROM", base))
        else:
            current.append((instruction, rest.strip()))
    return stages


def ignored(directory, names):
    """What docker/Dockerfile.dockerignore leaves out of the context."""
    patterns = (DOCKER / "Dockerfile.dockerignore").read_text().split()
    at_root = Path(directory) == harness.ROOT
    return [name for name in names if f"**/{name}" in patterns or (at_root and name in patterns)]


class Image:
    """The Dockerfile's stages as directories."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.context = self.directory / "context"
        self.stages = parse_dockerfile((DOCKER / "Dockerfile").read_text())
        shutil.copytree(harness.ROOT, self.context, ignore=ignored, symlinks=True)

    def home(self, stage):
        return self.directory / stage

    def build(self, stage):
        for instruction, rest in self.stages[stage]:
            self.do(stage, instruction, rest)

    def do(self, stage, instruction, rest):
        home = self.home(stage)
        if instruction == "WORKDIR":
            assert rest == WORKDIR, rest
            home.mkdir()
        elif instruction == "COPY":
            self.copy(home, rest.split())
        elif instruction == "RUN":
            environment = {key: value for key, value in os.environ.items() if not key.startswith("HOLDFAST_")}
            # The directory is another one each time; what ccache has from the last time still serves.
            environment |= {"CCACHE_BASEDIR": str(home), "CCACHE_NOHASHDIR": "1"}
            done = subprocess.run(["sh", "-c", rest], cwd=home, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            assert done.returncode == 0, f"RUN {rest} in stage {stage}:\n{done.stdout[-5000:]}"
        else:
            assert instruction in ("FROM", "USER", "VOLUME", "EXPOSE", "ENTRYPOINT", "CMD"), instruction

    def copy(self, home, words):
        source_root = self.context
        if words[0].startswith("--from="):
            source_root = self.home(words[0].removeprefix("--from="))
            words = [words[1].removeprefix(WORKDIR + "/"), *words[2:]]
        source, target = source_root / words[0], home / words[1]
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)

    def entrypoint(self, stage):
        (rest,) = [rest for instruction, rest in self.stages[stage] if instruction == "ENTRYPOINT"]
        (program,) = yaml.safe_load(rest)
        return self.home(stage) / Path(program).relative_to(WORKDIR)


class ComposeTest(unittest.TestCase):
    """What can be seen by reading."""

    def setUp(self):
        self.compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
        self.services = self.compose["services"]

    def test_every_service_is_built_from_a_stage_and_checked(self):
        stages = parse_dockerfile((DOCKER / "Dockerfile").read_text())
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertIn(service["build"]["target"], stages)
                self.assertTrue((DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).exists())
                self.assertEqual(service["hostname"], name)
                self.assertEqual(service["healthcheck"]["test"][0], "CMD")

    def test_holdfast_waits_for_what_it_stands_on(self):
        self.assertEqual(set(self.services["holdfast"]["depends_on"]), set(self.services) - {"holdfast"})
        for condition in self.services["holdfast"]["depends_on"].values():
            self.assertEqual(condition, {"condition": "service_healthy"})

    def test_data_that_must_last_is_in_a_volume_of_its_own(self):
        used = []
        for name in ("kafka-1", "kafka-2", "kafka-3", "holdfast"):
            (volume,) = self.services[name]["volumes"]
            source, target = volume.split(":")
            self.assertEqual(target, WORKDIR + "/data")
            used.append(source)
        self.assertEqual(sorted(used), sorted(self.compose["volumes"]))

    def test_only_holdfast_is_published(self):
        published = [name for name, service in self.services.items() if "ports" in service]
        self.assertEqual(published, ["holdfast"])

    def test_images_do_not_run_as_root(self):
        stages = parse_dockerfile((DOCKER / "Dockerfile").read_text())
        for name in {service["build"]["target"] for service in self.services.values()}:
            (user,) = [rest for instruction, rest in stages[name] if instruction == "USER"]
            self.assertNotEqual(user.split(":")[0], "0")


class ImageTest(harness.SystemTest):
    """Builds the stages and runs the services."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="holdfast-image-")
        cls.addClassCleanup(shutil.rmtree, cls.scratch, ignore_errors=True)
        cls.image = Image(cls.scratch)
        for stage in cls.image.stages:
            cls.image.build(stage)

    def setUp(self):
        super().setUp()
        self.services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
        # Services have the same ports, so each gets an address: the whole of 127.0.0.0/8 is this machine.
        network = f"127.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 250}"
        self.addresses = {name: f"{network}.{i}" for i, name in enumerate(self.services, 1)}

    def here(self, service, text):
        """Text of the compose file with addresses in place of services' names."""
        text = str(text).replace("0.0.0.0", self.addresses[service])
        if all(part in self.addresses for part in text.split(",")):
            return ",".join(self.addresses[part] for part in text.split(","))
        names = "|".join(re.escape(name) for name in self.addresses)
        return re.sub(rf"(?<![\w.-])({names})(?=:\d)", lambda match: self.addresses[match[1]], text)

    def environment(self, name):
        given = self.services[name].get("environment", {})
        data = self.directory / f"{name}-data"
        data.mkdir(exist_ok=True)
        return {"DATA": str(data), **{key: self.here(name, value) for key, value in given.items()}}

    def start_service(self, name):
        service = self.services[name]
        role, *arguments = service["command"]
        stage = service["build"]["target"]
        command = [self.image.entrypoint(stage), role, *[self.here(name, argument) for argument in arguments]]
        return self.process(name, command, self.environment(name), cwd=self.image.home(stage))

    def is_healthy(self, name):
        service = self.services[name]
        command = [self.here(name, part) for part in service["healthcheck"]["test"][1:]]
        return subprocess.run(command, cwd=self.image.home(service["build"]["target"]), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def wait_healthy(self, name, process):
        def look():
            self.assertTrue(process.is_running(), f"{name} has ended:\n{process.said()[-3000:]}")
            return self.is_healthy(name)

        harness.wait_until(look, f"{name} is healthy", timeout=120)

    def start_all(self):
        running = {name: self.start_service(name) for name in self.services if name != "holdfast"}
        for name, process in running.items():
            self.wait_healthy(name, process)
        running["holdfast"] = self.start_service("holdfast")
        self.wait_healthy("holdfast", running["holdfast"])
        return running

    def client(self):
        return harness.Client(6379, host=self.addresses["holdfast"])

    def test_a_write_outlives_every_container(self):
        self.assertFalse(self.is_healthy("holdfast"))
        running = self.start_all()
        self.assertEqual(self.client().command("SET", "a", "1"), "OK")
        self.assertEqual(running["holdfast"].stop(), 0)
        for process in running.values():
            process.kill()
        self.start_all()
        self.assertEqual(self.client().command("GET", "a"), "1")

    def test_recover_and_any_command(self):
        entrypoint = shlex.quote(str(self.image.entrypoint("holdfast")))
        for command, expected in ((f"{entrypoint} recover --help", "replay"), (f"{entrypoint} echo hello", "hello")):
            self.assertIn(expected, subprocess.run(command, shell=True, check=True, capture_output=True,
                                                   text=True).stdout)

    def test_a_stopped_broker_ends_in_order(self):
        running = {name: self.start_service(name) for name in self.services if name.startswith("kafka")}
        for name, process in running.items():
            self.wait_healthy(name, process)
        self.assertEqual(running["kafka-1"].stop(), 128 + signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
