"""docs/compatibility.md: every command of every build, what Holdfast does with it and what shows it. The page is made
from the builds' own COMMAND and from Holdfast's tables; "python3 compatibility_test.py --write" makes it anew."""
import re
import sys
import unittest

import harness
from command_grammar import about_server, learn

BUILDS = ("6.2.5", "7.0.15", "8.2.3", "valkey-9.1.2")
PAGE = harness.ROOT / "docs" / "compatibility.md"
TRAITS = harness.ROOT / "core" / "command" / "traits.cc"
REFUSALS = harness.ROOT / "core" / "command" / "refusals.cc"
HEAD = """# What Holdfast does with each command

Made by `tests/system/compatibility_test.py --write`, which also checks in `./test` that no command of a build is missing.

- **log**: published to the log, then executed by Redis; **waits**: parked in Holdfast until there is something, then the same
- **read**: Redis answers at once, when all it shows is in the log
- **Holdfast**: answered here, about Holdfast's own clients and settings (some forms of it are Redis's to answer)
- **refused**: with this reason

Commands that no table knows (those of modules) go through the log if Redis says that they write, or says nothing.
*differential*, *server commands*: `differential_test.py` and `server_commands_test.py` send it at random to Holdfast and to a
plain Redis, and compare; the latter by the rules in `server_grammar.py`.

| command | 6.2 | 7.0 | 8.2 | Valkey 9.1 | what happens | shown by |
|---|---|---|---|---|---|---|
"""


def traits():
    """{name: (handling, extra)}"""
    rows = re.findall(r'\{"([^"]+)", (k\w+), Effect::k\w+(?:, Extra::(k\w+))?\}', TRAITS.read_text())
    return {name: (handling, extra) for name, handling, extra in rows}


def refusals():
    """{(command, subcommand or ""): reason}"""
    text = REFUSALS.read_text()
    reasons = dict(re.findall(r'constexpr std::string_view (k\w+) =\s*"([^"]+)"', text))
    rows = re.findall(r'\{"([^"]+)", "([^"]*)", (?:"([^"]*)"|(k\w+))\}', text)
    return {(command, sub): reasons[constant] if constant else reason for command, sub, reason, constant in rows}


def what_happens(name, flags, known, refused):
    container, _, sub = name.partition("|")
    forms = {form.upper(): reason for (command, form), reason in refused.items() if command == name and form}
    allowed = ", ".join(form for form, reason in forms.items() if not reason)
    if allowed:
        return f"{allowed}; else refused: {refused[name, '']}"
    reason = refused.get((container, sub), refused.get((container, "")))
    if reason:
        return f"refused: {reason}"
    if forms:
        return f"read; refused: {', '.join(forms)}"
    handling, extra = known.get(name) or known.get(container) or ("kBackend", "")
    if handling == "kProxy":
        return "Holdfast"
    if extra == "kWaits":
        return "waits"
    return "log" if "write" in flags or extra in ("kMayWrite", "kPublishes") else "read"


def shown_by(name):
    more = about_server(name)
    return "differential" if more is None else "; ".join(filter(None, ("server commands", more)))


class CompatibilityTest(harness.SystemTest):
    def page(self):
        found, flags = {}, {}
        for build in BUILDS:
            with self.redis(build).client() as client:
                for name, entry in learn(client).items():
                    found.setdefault(name, set()).add(build)
                    flags.setdefault(name, set()).update(entry[2])
        known, refused = traits(), refusals()
        lines = [
            f"| {name.replace('|', ' ').upper()} | {' | '.join('x' if build in found[name] else '' for build in BUILDS)} | "
            f"{what_happens(name, flags[name], known, refused)} | {shown_by(name)} |" for name in sorted(found)
        ]
        return HEAD + "\n".join(lines) + "\n"

    def test_the_page_names_every_command(self):
        self.assertEqual(PAGE.read_text(), self.page(), "make it anew: see compatibility_test.py")

    def test_the_tables_were_read(self):
        self.assertEqual(traits()["set"], ("kBackend", ""))
        self.assertEqual(traits()["ping"], ("kProxy", "kKeyless"))
        self.assertEqual(refusals()["module", "list"], "")
        self.assertIn("loadmodule", refusals()["module", ""])
        self.assertIn("runs them", refusals()[("shutdown", "")])


    def write(self):
        PAGE.write_text(self.page())


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        unittest.TextTestRunner().run(CompatibilityTest("write"))
    else:
        unittest.main()
