"""Certificates for tests of TLS, made by the openssl command."""
import ssl
import subprocess
from pathlib import Path

CONFIG = """
[ca]
default_ca = here
[here]
dir = {directory}
database = $dir/index.txt
serial = $dir/serial
new_certs_dir = $dir
certificate = $dir/ca.crt
private_key = $dir/ca.key
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
x509_extensions = issued
[any]
commonName = supplied
[issued]
subjectAltName = DNS:localhost,IP:127.0.0.1
[req]
distinguished_name = name
[name]
[own]
basicConstraints = critical,CA:TRUE
"""


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Identity:
    """A certificate and its key, as files."""

    def __init__(self, cert, key):
        self.cert, self.key = cert, key

    def serial(self):
        return int(openssl("x509", "-in", self.cert, "-noout", "-serial").strip().removeprefix("serial="), 16)


class Authority:
    """A CA in a directory of its own; below another one, if there is a parent."""

    def __init__(self, directory, name="ca", parent=None):
        self.directory = Path(directory) / name
        self.directory.mkdir()
        self.config = self.directory / "openssl.cnf"
        self.config.write_text(CONFIG.format(directory=self.directory))
        (self.directory / "index.txt").touch()
        (self.directory / "serial").write_text("1000\n")
        self.cert = self.directory / "ca.crt"
        if parent is None:
            openssl("req", "-config", self.config, "-x509", "-extensions", "own", *self._new_key("ca"), "-days", "30",
                    "-subj", f"/CN={name}", "-out", self.cert)
            return
        request = self.directory / "ca.csr"
        openssl("req", "-config", self.config, "-new", *self._new_key("ca"), "-subj", f"/CN={name}", "-out", request)
        openssl("ca", "-batch", "-notext", "-config", parent.config, "-extensions", "own", "-days", "30",
                "-in", request, "-out", self.cert)

    def _new_key(self, name, key="ec"):
        kind = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256") if key == "ec" else (key,)
        return ("-newkey", *kind, "-nodes", "-keyout", self.directory / f"{name}.key")

    def issue(self, common_name, file=None, expired=False, key="ec"):
        """An Identity: as a client and as the server at 127.0.0.1. file: what the files are called. key: "ec", or
        "rsa:BITS"."""
        file = file or common_name
        request, cert = self.directory / f"{file}.csr", self.directory / f"{file}.crt"
        openssl("req", "-config", self.config, "-new", *self._new_key(file, key), "-subj", f"/CN={common_name}",
                "-out", request)
        until = "20200201000000Z" if expired else "20991231000000Z"
        openssl("ca", "-batch", "-notext", "-config", self.config, "-startdate", "20200101000000Z", "-enddate", until,
                "-in", request, "-out", cert)
        return Identity(cert, self.directory / f"{file}.key")

    def revoke(self, *identities):
        """Returns the file of what is revoked, all together."""
        revoked = self.directory / "revoked.crl"
        for one in identities:
            openssl("ca", "-config", self.config, "-revoke", one.cert)
        openssl("ca", "-config", self.config, "-gencrl", "-out", revoked)
        return revoked

    def trusting(self, own=None):
        """An ssl.SSLContext for a client that trusts this CA and shows `own`."""
        context = ssl.create_default_context(cafile=str(self.cert))
        if own is not None:
            context.load_cert_chain(own.cert, own.key)
        return context
