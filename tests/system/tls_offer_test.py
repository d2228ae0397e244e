"""What the port for TLS offers, and what it makes of clients that break the rules: what a scanner would try."""
import contextlib
import itertools
import os
import re
import signal
import socket
import ssl
import struct
import time
import unittest

import harness
from certificates import Authority
from tls_test import TlsCase

# OpenSSL's own default, which Holdfast takes, up to TLSv1.2. Of those for RSA and for ECDSA a server has what its key
# is for.
FORWARD = [f"ECDHE-{{0}}-{rest}" for rest in (
    "AES256-GCM-SHA384", "CHACHA20-POLY1305", "AES128-GCM-SHA256", "AES256-SHA384", "AES128-SHA256", "AES256-SHA",
    "AES128-SHA")]
OF_ECDSA = {name.format("ECDSA") for name in FORWARD}
OF_RSA = {name.format("RSA") for name in FORWARD} | {
    "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-SHA256",
    "DHE-RSA-AES128-SHA256", "DHE-RSA-AES256-SHA", "DHE-RSA-AES128-SHA", "AES256-GCM-SHA384", "AES128-GCM-SHA256",
    "AES256-SHA256", "AES128-SHA256", "AES256-SHA", "AES128-SHA"}
OF_TLS13 = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"}

ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23
FAILURE, ILLEGAL, DECODE, VERSION, FALLBACK = 40, 47, 50, 70, 86
NO_EXTENDED_SECRET = 1  # ssl.OP_…, which Python has no name for


def anything(lowest=ssl.TLSVersion.TLSv1_2, highest=ssl.TLSVersion.TLSv1_3, ciphers="ALL:COMPLEMENTOFALL"):
    """A context of a client that takes all there is, and believes everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = lowest, highest
    return context


def extension(kind, data):
    return struct.pack(">HH", kind, len(data)) + data


def hello(version=0x0303, ciphers=(0xC02B, 0xC02F, 0x009C), compressions=b"\0", groups=(29, 23), more=b""):
    """A ClientHello of TLSv1.2 or older, as a record."""
    suites = struct.pack(f">{len(ciphers)}H", *ciphers)
    listed = struct.pack(f">{len(groups)}H", *groups)
    signatures = struct.pack(">4H", 0x0403, 0x0804, 0x0401, 0x0501)
    extensions = (extension(10, struct.pack(">H", len(listed)) + listed) + extension(11, b"\1\0")
                  + extension(13, struct.pack(">H", len(signatures)) + signatures) + more)
    body = (struct.pack(">H", version) + os.urandom(32) + b"\0" + struct.pack(">H", len(suites)) + suites
            + bytes((len(compressions),)) + compressions + struct.pack(">H", len(extensions)) + extensions)
    message = b"\1" + struct.pack(">I", len(body))[1:] + body
    return record(HANDSHAKE, message, min(version, 0x0301))


def record(kind, content, version=0x0303):
    return struct.pack(">BHH", kind, version, len(content)) + content


class ByHand:
    """A client that speaks TLS through ssl's memory, so that it can be made to say what ssl would not."""

    def __init__(self, test, context):
        self.wire = socket.create_connection(("127.0.0.1", test.port), timeout=20)
        test.addCleanup(self.wire.close)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")

    def done(self, call):
        while True:
            try:
                result = call()
                self.wire.sendall(self.outgoing.read())
                return result
            except ssl.SSLWantReadError:
                self.wire.sendall(self.outgoing.read())
                if data := self.wire.recv(100_000):
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def begin(self):
        self.done(self.client.do_handshake)
        return self

    def ask(self, request, answer):
        self.client.write(request)
        got = b""
        while len(got) < len(answer):
            got += self.done(lambda: self.client.read(10000))
        return got


class OfferCase(TlsCase):
    def negotiated(self, context, **options):
        """Protocol and cipher, or None where there is no agreement."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain, \
                    context.wrap_socket(plain, server_hostname="127.0.0.1", **options) as secure:
                return secure.version(), secure.cipher()[0]
        except ssl.SSLError:
            return None

    def ciphers_taken(self):
        """Of all that OpenSSL knows, up to TLSv1.2: each is offered alone."""
        known = {cipher["name"] for cipher in anything().get_ciphers() if not cipher["name"].startswith("TLS_")}
        self.assertGreater(len(known), 60)
        old = ssl.TLSVersion.TLSv1_2
        return {name for name in known if self.negotiated(anything(highest=old, ciphers=name)) == ("TLSv1.2", name)}

    def suites_taken(self, *more):
        """Of TLSv1.3."""
        known = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256",
                 "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256")
        return {name for name in known
                if f"Cipher is {name}" in self.s_client("-tls1_3", "-ciphersuites", name, *more)}

    def answer_to(self, *messages):
        """The records that come when these bytes are sent: (kind, content), up to the end or a ServerHello."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire:
            stream, records = wire.makefile("rb"), []
            with contextlib.suppress(ConnectionError):
                for message in messages:
                    wire.sendall(message)
                while len(head := stream.read(5)) == 5:
                    kind, _, size = struct.unpack(">BHH", head)
                    records.append((kind, stream.read(size)))
                    if kind == HANDSHAKE:
                        break
            return records

    def alert_to(self, *messages):
        """The one fatal alert that is the answer, before the end."""
        (kind, content), = self.answer_to(*messages)
        self.assertEqual((kind, content[0]), (ALERT, 2))
        return content[1]

    def server_hello(self, message):
        """Version, cipher, compression and the kinds of extensions that it chose."""
        kind, content = self.answer_to(message)[0]
        self.assertEqual((kind, content[0]), (HANDSHAKE, 2), content)
        at = 4 + 2 + 32
        at += 1 + content[at]
        cipher, compression = struct.unpack_from(">HB", content, at)
        (version,), (left,) = struct.unpack_from(">H", content, 4), struct.unpack_from(">H", content, at + 3)
        at, end, kinds = at + 5, at + 5 + left, set()
        while at < end:
            kind, size = struct.unpack_from(">HH", content, at)
            kinds.add(kind)
            at += 4 + size
        return version, cipher, compression, kinds

    def still_serves(self, plain):
        """Whatever came before, it has left nothing."""
        self.wait_for_clients(plain, 1)
        with self.secure() as client:
            self.assertEqual(client.must("PING"), "PONG")


class DefaultsTest(OfferCase):
    def test_protocols(self):
        plain = self.begin()
        # SSLv3, which had no word for it, TLSv1, TLSv1.1.
        for old, alert in ((0x0300, FAILURE), (0x0301, VERSION), (0x0302, VERSION)):
            self.assertEqual(self.alert_to(hello(old)), alert)
        # SSLv2 had another frame.
        self.assertIn(self.answer_to(b"\x80\x2e\1\0\2\0\x15\0\0\0\x10\1\0\x80\2\0\x80\3\0\x80\4\0\x80\5\0\x80\6\0\x40\7"
                                     b"\0\xc0" + bytes(16)), ([], [(ALERT, bytes((2, VERSION)))],
                                                              [(ALERT, bytes((2, FAILURE)))]))
        self.assertEqual(self.negotiated(anything(highest=ssl.TLSVersion.TLSv1_2))[0], "TLSv1.2")
        self.assertEqual(self.negotiated(anything(lowest=ssl.TLSVersion.TLSv1_3))[0], "TLSv1.3")
        self.assertEqual(self.negotiated(anything())[0], "TLSv1.3")
        # A version that there will be some day is answered with the newest that there is of this way to ask.
        self.assertEqual(self.server_hello(hello(0x0399))[0], 0x0303)
        # Who says that it came down to TLSv1.2 only because more failed has been meddled with.
        self.assertEqual(self.alert_to(hello(ciphers=(0xC02B, 0x5600))), FALLBACK)
        self.still_serves(plain)

    def test_ciphers_with_an_ecdsa_key(self):
        self.begin()
        self.assertEqual(self.ciphers_taken(), OF_ECDSA)
        self.assertEqual(self.suites_taken(), OF_TLS13)

    def test_ciphers_with_an_rsa_key(self):
        self.server = self.authority.issue("server", file="rsa", key="rsa:2048")
        self.begin()
        self.assertEqual(self.ciphers_taken(), OF_RSA)
        # Nothing weak in the exchange either.
        said = self.s_client("-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0", typed="")
        self.assertGreaterEqual(int(re.search(r"Server Temp Key: DH, (\d+) bits", said)[1]), 2048, said)

    def test_groups(self):
        self.begin()
        weak = (1, 2, 3, 15, 16, 17, 18, 19, 20, 21, 22)  # binary ones, and primes below 256 bits
        self.assertEqual(self.alert_to(hello(ciphers=(0xC02B,), groups=weak)), FAILURE)
        for name, group in (("X25519", 29), ("P-256", 23), ("P-384", 24), ("P-521", 25)):
            with self.subTest(group=name):
                self.assertIn("Verify return code: 0", self.s_client("-tls1_3", "-groups", name, typed=""))
        self.assertEqual(self.server_hello(hello(ciphers=(0xC02B,), groups=(*weak, 23)))[1], 0xC02B)

    def test_no_compression(self):
        self.begin()
        self.assertEqual(self.server_hello(hello(compressions=b"\1\0"))[2], 0)
        self.assertIn(self.alert_to(hello(compressions=b"\1")), (DECODE, FAILURE, ILLEGAL))

    def test_extensions(self):
        """A name of another server, and protocols to choose from, change nothing."""
        plain = self.begin()
        own = self.authority.trusting()
        own.check_hostname = False
        own.set_alpn_protocols(["redis", "h2", "http/1.1"])
        serials = set()
        for name in ("127.0.0.1", "localhost", "elsewhere.example", "a" * 63 + ".example"):
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire, \
                    own.wrap_socket(wire, server_hostname=name) as secure:
                serials.add(secure.getpeercert()["serialNumber"])
                self.assertIsNone(secure.selected_alpn_protocol())
                secure.sendall(b"PING\r\n")
                self.assertEqual(secure.recv(100), b"+PONG\r\n")
        self.assertEqual(len(serials), 1)
        asked = (extension(0, b"\0\x08\0\0\5other") + extension(16, b"\0\3\2h2") + extension(15, b"\1")
                 + extension(5, b"\1\0\0\0\0") + extension(0xFF01, b"\0") + extension(23, b"") + extension(35, b""))
        # Points, renegotiation that is bound to what was before, extended master secret, tickets; no name, no ALPN, no
        # heartbeat, no OCSP.
        kinds = self.server_hello(hello(more=asked))[3]
        self.assertEqual(kinds - {0}, {11, 0xFF01, 23, 35})
        self.still_serves(plain)

    def test_extended_master_secret(self):
        """There for who asks for it, and not demanded, as in Redis."""
        self.begin()
        for options, said in ((0, "yes"), (NO_EXTENDED_SECRET, "no")):
            old = anything(highest=ssl.TLSVersion.TLSv1_2)
            old.options |= options
            self.assertEqual(self.negotiated(old)[0], "TLSv1.2", said)
        self.assertIn("Extended master secret: yes", self.s_client("-tls1_2", typed=""))

    def test_chain(self):
        """The server's own certificate, what signed it, and not the root; clients need to know that alone."""
        between = Authority(self.directory, "between", parent=self.authority)
        leaf = between.issue("server")
        chain = self.directory / "chain.crt"
        chain.write_text(leaf.cert.read_text() + between.cert.read_text())
        leaf.cert = chain
        self.server = leaf
        self.begin()
        self.assertEqual(self.outcome(self.authority.trusting()), "PONG")
        said = self.s_client("-showcerts", typed="")
        subjects = re.findall(r"^ *\d s:(.*)$", said, re.MULTILINE)
        self.assertEqual([one.replace(" ", "") for one in subjects], ["CN=server", "CN=between"], said)
        self.assertIn("Verify return code: 0", said)


class SettingsTest(OfferCase):
    def test_ciphers(self):
        first, second = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"
        old = ssl.TLSVersion.TLSv1_2
        for flags, chosen in ((("--tls-prefer-server-ciphers",), first), ((), second)):
            self.begin("--tls-ciphers", f"{first}:{second}", "--tls-ciphersuites", "TLS_AES_128_GCM_SHA256", *flags)
            self.assertEqual(self.ciphers_taken(), {first, second})
            self.assertEqual(self.suites_taken(), {"TLS_AES_128_GCM_SHA256"})
            self.assertEqual(self.negotiated(anything(highest=old, ciphers=f"{second}:{first}"))[1], chosen)
            self.proxy.stop()
            self.behind.kill()

    def test_forward_secrecy_alone(self):
        """As docs/security.md has it."""
        self.server = self.authority.issue("server", file="rsa", key="rsa:2048")
        self.begin("--tls-ciphers", "ECDHE+AESGCM:ECDHE+CHACHA20")
        self.assertEqual(self.ciphers_taken(), {"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256",
                                                "ECDHE-RSA-CHACHA20-POLY1305"})

    def test_protocols(self):
        versions = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
        for given in (["TLSv1.2"], ["TLSv1.3"], ["TLSv1.2", "TLSv1.3"]):
            self.begin("--tls-protocols", " ".join(given))
            taken = [name for name, version in versions.items() if self.negotiated(anything(version, version))]
            self.assertEqual(taken, given)
            self.proxy.stop()
            self.behind.kill()
        proxy = self.holdfast(self.behind, flags=self.server_flags(
            "--tls-listen", "127.0.0.1:0", "--tls-protocols", "TLSv1.1"), wait=False)
        self.assertNotEqual(proxy.wait(), 0)
        self.assertIn("TLSv1.1", proxy.said())

    def resumed(self, version, context=None, between=lambda: None):
        """Whether a session goes on in the next connection, and how many tickets there were."""
        context = context or self.authority.trusting()
        context.minimum_version = context.maximum_version = version
        with self.secure_with(context) as first:
            first.must("PING")  # tickets of TLSv1.3 come behind the handshake
            session, ticket = first.socket.session, first.socket.session.has_ticket
        between()
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain, \
                context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as second:
            return second.session_reused, ticket

    def secure_with(self, context):
        return harness.Client(self.port, tls=context)

    def test_sessions(self):
        versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
        own = self.authority.issue("alice")
        self.begin(auth="yes")
        for version in versions:
            self.assertEqual(self.resumed(version, self.authority.trusting(own)), (True, True))
        # What a session was agreed on for is asked anew once there is another certificate or revocation list.
        def reload():
            before = self.proxy.said().count("\n")
            self.proxy.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: self.proxy.said().count("\n") > before, "the certificates are loaded again")

        for version in versions:
            self.assertFalse(self.resumed(version, self.authority.trusting(own), reload)[0])
        self.proxy.stop()
        self.behind.kill()
        self.begin("--tls-session-caching=no")
        for version in versions:
            self.assertEqual(self.resumed(version), (False, False))
        self.proxy.stop()
        self.behind.kill()
        self.begin("--tls-session-cache-timeout", "1")
        for version in versions:
            self.assertFalse(self.resumed(version, between=lambda: time.sleep(2.1))[0])  # in whole seconds


class RulesTest(OfferCase):
    """What becomes of clients that do not keep to the protocol: an alert, and the end; others notice nothing."""

    def test_renegotiation(self):
        plain = self.begin()
        done = self.s_client("-tls1_2", typed="R\n")
        self.assertIn("RENEGOTIATING", done)
        self.assertIn("no renegotiation", done)
        # An old client, which does not bind the new handshake to the connection, may come, but may not do it either.
        self.assertIn("Secure Renegotiation IS supported", done)
        self.still_serves(plain)

    def test_early_data(self):
        plain = self.begin()
        session = self.directory / "session.pem"
        self.assertIn("Max Early Data: 0", self.s_client("-tls1_3", "-sess_out", str(session), "-ign_eof",
                                                         typed="PING\r\nQUIT\r\n"))
        early = self.directory / "early"
        early.write_bytes(b"SET early 1\r\n")
        done = self.s_client("-tls1_3", "-sess_in", str(session), "-early_data", str(early))
        self.assertNotIn("Early data was accepted", done)
        # One that sends it all the same: the record is not for now.
        client = ByHand(self, anything(lowest=ssl.TLSVersion.TLSv1_3))
        with contextlib.suppress(ssl.SSLWantReadError):
            client.client.do_handshake()
        self.assertRefused(client.outgoing.read(), record(APPLICATION_DATA, os.urandom(64)))
        self.assertIsNone(plain.must("GET", "early"))
        self.still_serves(plain)

    def assertRefused(self, *messages):
        """By an alert, behind what the server has said before: in plain words, or encrypted, as all is from then on."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire:
            for message in messages:
                wire.sendall(message)
            received = b""
            with contextlib.suppress(ConnectionError):
                while data := wire.recv(100_000):
                    received += data
        records = []
        while received:
            kind, _, size = struct.unpack_from(">BHH", received)
            records.append((kind, received[5:5 + size]))
            received = received[5 + size:]
        kind, content = records[-1]
        self.assertTrue((kind, content[0]) == (ALERT, 2) or (kind, len(content)) == (APPLICATION_DATA, 2 + 1 + 16),
                        records[-1])

    def test_garbage_behind_the_handshake(self):
        plain = self.begin()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            garbage = [record(APPLICATION_DATA, os.urandom(100)), record(HANDSHAKE, os.urandom(100)),
                       record(99, os.urandom(100)), record(APPLICATION_DATA, b"", 0x0000),
                       record(APPLICATION_DATA, os.urandom(0xFFFF)), b"PING\r\n" * 100]
            for number, bad in enumerate(garbage):
                with self.subTest(version=version.name, number=number):
                    client = ByHand(self, anything(version, version)).begin()
                    key = f"{version.name}:{number}"
                    self.assertEqual(client.ask(f"SET {key} 1\r\n".encode(), b"+OK\r\n"), b"+OK\r\n")
                    # What was well said before it in the same piece is still done.
                    client.client.write(f"SET {key} 2\r\n".encode())
                    client.wire.sendall(client.outgoing.read() + bad)
                    with self.assertRaises((ssl.SSLError, ConnectionError)) as raised:
                        while True:
                            client.done(lambda: client.client.read(10000))
                    self.assertNotIsInstance(raised.exception, ssl.SSLZeroReturnError)
                    harness.wait_until(lambda key=key: plain.must("GET", key) == "2", "the write is done")
        self.still_serves(plain)

    def test_half_a_handshake(self):
        """Each beginning of it, and then the end: told nowhere but at debug, and nothing stays."""
        plain = self.begin()
        whole = hello()
        for size in itertools.chain(range(0, 12), range(12, len(whole), 37)):
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire:
                wire.sendall(whole[:size])
                wire.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionError):
                    while wire.recv(10000):
                        pass
        # A ClientHello in many pieces is one all the same.
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for size in range(len(whole)):
                wire.sendall(whole[size:size + 1])
            self.assertEqual(wire.recv(1), bytes((HANDSHAKE,)))
        self.still_serves(plain)

    def test_end_without_its_word(self):
        """A connection that breaks off: what came whole is done; half a request is not, and nobody is taken for gone by
        a stranger's word."""
        plain = self.begin()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for number in range(10):
                client = ByHand(self, anything(version, version)).begin()
                client.client.write(b"SET a %d\r\nSET b" % number)
                client.wire.sendall(client.outgoing.read())
                client.wire.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionError):
                    while client.wire.recv(10000):
                        pass
                client.wire.close()
                harness.wait_until(lambda n=number: plain.must("GET", "a") == str(n), "the write is done")
            self.assertIsNone(plain.must("GET", "b"))
        # The word in plain text, from somebody on the way, counts for nothing but a failure.
        client = ByHand(self, anything()).begin()
        client.wire.sendall(record(ALERT, b"\1\0"))
        with self.assertRaises((ssl.SSLError, ConnectionError)) as raised:
            client.done(lambda: client.client.read(10000))
        self.assertNotIsInstance(raised.exception, ssl.SSLZeroReturnError)
        self.still_serves(plain)

    def test_oversized_hello(self):
        """Nothing large is kept of who has not even agreed on a key."""
        plain = self.begin()
        large = hello(more=extension(21, bytes(60_000)))[5:]
        pieces = [record(HANDSHAKE, large[at:at + 16000]) for at in range(0, len(large), 16000)]
        self.answer_to(*pieces)
        self.assertRefused(record(HANDSHAKE, b"\1\xff\xff\xff" + bytes(16000)))
        self.still_serves(plain)


class ToRedisTest(TlsCase):
    """What Holdfast offers when it is the client."""

    def flags(self):
        return ("--redis-tls", "--redis-tls-ca-cert-file", self.authority.cert, "--redis-tls-cert-file",
                self.server.cert, "--redis-tls-key-file", self.server.key)

    def client_hello(self, host):
        """Compressions, and the extensions by their kind."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(20)
            proxy = self.holdfast(f"{host}:{server.getsockname()[1]}", flags=self.flags(), wait=False)
            with server.accept()[0] as wire, wire.makefile("rb") as stream:
                wire.settimeout(20)
                kind, _, size = struct.unpack(">BHH", stream.read(5))
                content = stream.read(size)
            proxy.kill()
        self.assertEqual((kind, content[0]), (HANDSHAKE, 1))
        at = 4 + 2 + 32
        at += 1 + content[at]
        at += 2 + struct.unpack_from(">H", content, at)[0]
        compressions = content[at + 1:at + 1 + content[at]]
        at, extensions = at + 1 + content[at] + 2, {}
        while at < len(content):
            kind, size = struct.unpack_from(">HH", content, at)
            extensions[kind] = content[at + 4:at + 4 + size]
            at += 4 + size
        return compressions, extensions

    def test_hello(self):
        compressions, extensions = self.client_hello("127.0.0.1")
        self.assertEqual(compressions, b"\0")
        self.assertEqual(extensions[43], b"\4\3\4\3\3")  # TLSv1.3 and 1.2
        self.assertNotIn(0, extensions)  # an address is no name
        self.assertNotIn(16, extensions)
        self.assertNotIn(42, extensions)  # early data
        _, extensions = self.client_hello("localhost")
        self.assertEqual(extensions[0], b"\0\x0c\0\0\x09localhost")

    def test_each_protocol(self):
        own = self.authority.issue("redis")
        for protocol in ("TLSv1.2", "TLSv1.3"):
            behind = self.redis(name=protocol, tls=self.authority.trusting(own), options=(
                "--tls-cert-file", own.cert, "--tls-key-file", own.key, "--tls-ca-cert-file", self.authority.cert,
                "--tls-protocols", protocol))
            proxy = self.holdfast(behind, log=f"sqlite:{self.directory}/{protocol}.db", flags=self.flags())
            with proxy.client() as client:
                self.assertEqual(client.must("INCR", "a"), 1)
            self.assertEqual(proxy.stop(), 0)


if __name__ == "__main__":
    unittest.main()
