"""deploy/: what it says is what Holdfast, systemd and Kubernetes understand."""
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

import harness

DEPLOY = harness.ROOT / "deploy"


def variables():
    """Every environment variable that Holdfast knows."""
    return set(re.findall(r"HOLDFAST_[A-Z_]+", (harness.ROOT / "docs" / "settings.md").read_text()))


class ServiceTest(unittest.TestCase):
    def setUp(self):
        self.text = (DEPLOY / "holdfast.service").read_text()

    def systemd_analyze(self, *arguments):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("there is no systemd-analyze")
        with tempfile.TemporaryDirectory() as directory:
            unit = Path(directory, "holdfast.service")
            # As installed: the program is there.
            unit.write_text(self.text.replace("/usr/local/bin/holdfast", str(harness.BUILD / "holdfast")))
            done = subprocess.run(["systemd-analyze", *arguments, str(unit)], stdout=subprocess.PIPE, check=False,
                                  stderr=subprocess.STDOUT, text=True)
        if "Unknown" in done.stdout and "option" in done.stdout or "unrecognized option" in done.stdout:
            self.skipTest("this systemd-analyze cannot do that")
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_systemd_understands_it(self):
        self.assertEqual(self.systemd_analyze("verify", "--man=no"), "")

    def test_exposure(self):
        self.systemd_analyze("security", "--offline=true", "--no-pager", "--threshold=15")

    def test_it_names_settings(self):
        self.assertLessEqual(set(re.findall(r"HOLDFAST_[A-Z_]+", self.text)), variables())


class KubernetesTest(unittest.TestCase):
    def setUp(self):
        text = (DEPLOY / "kubernetes.yaml").read_text()
        self.named = set(re.findall(r"HOLDFAST_[A-Z_]+", text))  # in comments, too
        self.objects = {one["kind"]: one for one in yaml.safe_load_all(text)}
        self.pod = self.objects["StatefulSet"]["spec"]["template"]["spec"]
        self.containers = {one["name"]: one for one in self.pod["containers"]}

    def test_it_names_settings(self):
        self.assertLessEqual(self.named, variables())

    def test_nobody_is_root_or_writes_elsewhere(self):
        self.assertTrue(self.pod["securityContext"]["runAsNonRoot"])
        self.assertFalse(self.pod["automountServiceAccountToken"])
        given = {one["name"] for one in self.pod["volumes"]}
        given |= {one["metadata"]["name"] for one in self.objects["StatefulSet"]["spec"]["volumeClaimTemplates"]}
        for container in self.containers.values():
            with self.subTest(container["name"]):
                self.assertEqual(container["securityContext"], {
                    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]}})
                self.assertLessEqual({one["name"] for one in container["volumeMounts"]}, given)

    def test_only_holdfast_can_be_reached(self):
        redis, holdfast = self.containers["redis"], self.containers["holdfast"]
        self.assertEqual(redis["args"][:2], ["redis", "127.0.0.1"])
        self.assertNotIn("ports", redis)
        (port,) = holdfast["ports"]
        (service_port,) = self.objects["Service"]["spec"]["ports"]
        (rule,) = self.objects["NetworkPolicy"]["spec"]["ingress"]
        self.assertEqual(service_port["targetPort"], port["name"])
        self.assertEqual([one["port"] for one in rule["ports"]], [port["containerPort"]])
        environment = {one["name"]: one for one in holdfast["env"]}
        self.assertIn("secretKeyRef", environment["HOLDFAST_USERS_REQUIREPASS"]["valueFrom"])

    def test_labels_agree(self):
        labels = self.objects["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(self.objects["StatefulSet"]["spec"]["selector"]["matchLabels"], labels)
        self.assertEqual(self.objects["Service"]["spec"]["selector"], labels)
        self.assertEqual(self.objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"], labels)


class PodTest(harness.SystemTest):
    """The two containers as processes that share a loopback address, as in a pod."""

    def setUp(self):
        super().setUp()
        (workload,) = [one for one in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
                       if one["kind"] == "StatefulSet"]
        self.containers = {one["name"]: one for one in workload["spec"]["template"]["spec"]["containers"]}
        self.ports = {"6379": str(harness.free_port()), "6380": str(harness.free_port())}

    def here(self, text):
        return re.sub(r"\b(6379|6380)\b", lambda match: self.ports[match[1]], text)

    def start(self, name, **more):
        container = self.containers[name]
        data = self.directory / f"{name}-data"
        data.mkdir()
        given = {one["name"]: self.here(one["value"]) for one in container.get("env", []) if "value" in one}
        command = [harness.ROOT / "docker" / "entrypoint", *[self.here(one) for one in container["args"]]]
        return self.process(name, command, {"DATA": str(data), **given, **more})

    def probe(self, name, kind):
        entrypoint, *arguments = self.containers[name][kind]["exec"]["command"]
        command = [harness.ROOT / Path(entrypoint).relative_to("/opt/holdfast"), *[self.here(one) for one in arguments]]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0

    def test_it_serves(self):
        self.assertFalse(self.probe("redis", "startupProbe"))
        self.start("redis")
        harness.wait_until(lambda: self.probe("redis", "startupProbe"), "Redis has started")
        self.start("holdfast", HOLDFAST_USERS_REQUIREPASS="secret", HOLDFAST_LOG_URL=f"sqlite:{self.directory}/log.db")
        harness.wait_until(lambda: self.probe("holdfast", "readinessProbe"), "Holdfast is ready")
        with harness.Client(int(self.ports["6379"])) as client:
            self.assertIn("NOAUTH", str(client.command("GET", "a")))
            self.assertEqual(client.must("AUTH", "secret"), "OK")
            self.assertEqual(client.must("SET", "a", "1"), "OK")


if __name__ == "__main__":
    unittest.main()
