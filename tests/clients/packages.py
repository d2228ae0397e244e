"""Brings the clients' packages, once: into $HOLDFAST_CACHE/clients/LANGUAGE-HASH, named after the file that says which
packages and versions, so that a change of that file brings new ones."""
import hashlib
import shutil
import subprocess
from pathlib import Path

from client_case import harness


def bring(language, wanted, install):
    """The directory with the packages of one language.

    wanted: the files that name them. install(directory): brings them into an empty directory.
    """
    digest = hashlib.sha256(b"".join(Path(file).read_bytes() for file in wanted)).hexdigest()[:12]
    directory = harness.CACHE / "clients" / f"{language}-{digest}"
    if not (directory / "complete").exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        install(directory)
        (directory / "complete").touch()
    return directory


def run(*command, **options):
    """Runs an installer; what it says is shown when it fails."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
    return done.stdout
