"""The largest value that Redis takes: it passes, others are served behind it, and it costs Holdfast memory only while it is
on its way."""
import hashlib
import threading
import unittest

import harness

MB = 1 << 20
SIZE = 512 * MB
# At the worst moments there are the batch, its record and the parts of that; and later the batch, what has come of it on
# the tap, and what that is compared by.
MOST_COPIES = 3.2


def memory(process, what):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what + ":"))


class LargeValuesTest(harness.SystemTest):
    def test_largest_value(self):
        redis = self.redis("7.0.15")
        holdfast = self.holdfast(redis=redis)
        before = memory(holdfast, "VmRSS")
        client, other = (holdfast.client(timeout=120, binary=binary) for binary in (True, False))
        piece = bytes(range(256)) * (MB // 256)
        digest = hashlib.sha256()

        late = []
        stop = threading.Event()

        def work():
            while not stop.is_set():
                for command in (("INCR", "n"), ("GET", "n")):
                    reply = other.command(*command)
                    if isinstance(reply, harness.RespError):
                        late.append(str(reply))

        beside = threading.Thread(target=work)
        beside.start()
        try:
            client.send_raw(b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%d\r\n" % SIZE)
            for _ in range(SIZE // MB):
                client.send_raw(piece)
                digest.update(piece)
            client.send_raw(b"\r\n")
            self.assertEqual(client.read(), b"OK")
            peak = memory(holdfast, "VmHWM") - before
            value = client.command("GET", "large")
        finally:
            stop.set()
            beside.join()
        self.assertEqual(late, [])
        self.assertEqual(hashlib.sha256(value).digest(), digest.digest())
        del value
        self.assertLess(peak, MOST_COPIES * SIZE, f"{peak / SIZE:.2f} copies of the value at once")
        harness.wait_until(lambda: memory(holdfast, "VmRSS") - before < SIZE // 8, "the memory is given back")


if __name__ == "__main__":
    unittest.main()
