"""CONFIG SET port: Holdfast moves, and what was connected stays."""
import socket

import harness


class PortTest(harness.SystemTest):
    def test_port(self):
        holdfast = self.holdfast(self.redis("7.0.15"))
        client = holdfast.client()
        self.assertEqual(client.must("CONFIG", "GET", "port"), ["port", str(holdfast.port)])
        port = harness.free_port()
        client.must("CONFIG", "SET", "port", port)
        self.assertEqual(client.must("CONFIG", "GET", "port"), ["port", str(port)])
        with harness.Client(port) as other:
            other.must("SET", "a", "1")
        self.assertEqual(client.must("GET", "a"), "1")
        with self.assertRaises(ConnectionRefusedError):
            harness.Client(holdfast.port)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            reply = str(client.command("CONFIG", "SET", "port", taken.getsockname()[1], "timeout", 77))
            self.assertIn("Unable to listen on this port", reply)
        self.assertEqual(client.must("CONFIG", "GET", "timeout"), ["timeout", "0"])
        client.must("CONFIG", "SET", "port", holdfast.port)
        with holdfast.client() as other:
            self.assertEqual(other.must("GET", "a"), "1")
        client.must("CONFIG", "SET", "port", "0")
        self.assertEqual(client.must("CONFIG", "GET", "port"), ["port", "0"])
        with self.assertRaises(ConnectionRefusedError):
            holdfast.client()
        self.assertEqual(client.must("INCR", "a"), 2)
