# SPDX-License-Identifier: GPL-3.0-or-later
"""An open-loop load of questions over UDP, which notes for each whether and when it was answered.

Open loop: questions leave by the clock, whatever becomes of the ones before, so that a gap in the
answers shows as what it is. What should have left while this process stood still itself does not
leave afterwards, all at once. Many source ports, so that all workers have their share.
"""
import selectors
import socket
import threading
import time

import dns.message

PORTS = 64
BEHIND_S = 0.05  # more than this, and it stood still
LATE_S = 5.0  # how long answers are waited for after the last question


class Load:
    """Sends `rate` questions a second for `name` from its start to `stop`."""

    def __init__(self, address, port, name, rate):
        self.rate = rate
        self.query = dns.message.make_query(name, "A", flags=0).to_wire()[2:]
        self.sent_s = []      # by question
        self.answered_s = {}  # question -> time
        self.refused_sends = 0
        self.ending = threading.Event()
        self.sockets = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for _ in range(PORTS):
            client = socket.socket(family, socket.SOCK_DGRAM)
            client.setblocking(False)
            client.connect((address, port))
            self.sockets.append(client)
        self.sender = threading.Thread(target=self._send)
        self.receiver = threading.Thread(target=self._receive)

    def __enter__(self):
        self.begun_s = time.monotonic()
        self.receiver.start()
        self.sender.start()
        return self

    def __exit__(self, *unused):
        self.ending.set()
        self.sender.join()
        self.receiver.join()
        for client in self.sockets:
            client.close()

    def _send(self):
        # Question n has id n // PORTS on socket n % PORTS: unique for 65536 * PORTS questions.
        begun_s = self.begun_s
        while not self.ending.is_set():
            behind_s = time.monotonic() - begun_s - len(self.sent_s) / self.rate
            begun_s += behind_s if behind_s > BEHIND_S else 0
            due = int((time.monotonic() - begun_s) * self.rate)
            while len(self.sent_s) < due:
                number = len(self.sent_s)
                packet = (number // PORTS & 0xFFFF).to_bytes(2, "big") + self.query
                self.sent_s.append(time.monotonic())
                try:
                    self.sockets[number % PORTS].send(packet)
                except OSError:
                    self.refused_sends += 1
            time.sleep(0.0005)

    def _receive(self):
        with selectors.DefaultSelector() as selector:
            for index, client in enumerate(self.sockets):
                selector.register(client, selectors.EVENT_READ, index)
            end_s = None
            while end_s is None or time.monotonic() < end_s:
                if end_s is None and self.ending.is_set() and not self.sender.is_alive():
                    end_s = time.monotonic() + LATE_S
                if end_s is not None and len(self.answered_s) == len(self.sent_s):
                    return
                for key, _ in selector.select(0.05):
                    self._take(key.fileobj, key.data)

    def _take(self, client, index):
        while True:
            try:
                response = client.recv(4096)
            except OSError:
                return
            number = int.from_bytes(response[:2], "big") * PORTS + index
            self.answered_s.setdefault(number, time.monotonic())

    # --- results, after the end

    def lost(self):
        return [n for n in range(len(self.sent_s)) if n not in self.answered_s]

    def lost_near(self, moment_s, window_s=1.0):
        """The questions lost that were sent around a moment, and the milliseconds between the first
        and the last of them."""
        times = [self.sent_s[n] for n in self.lost()
                 if moment_s - window_s <= self.sent_s[n] <= moment_s + window_s]
        span_ms = (max(times) - min(times)) * 1000 if times else 0.0
        return len(times), span_ms

    def slowest_near(self, moment_s, window_s=1.0):
        """Milliseconds of the slowest answer to a question sent around a moment."""
        delays = [self.answered_s[n] - sent for n, sent in enumerate(self.sent_s)
                  if abs(sent - moment_s) <= window_s and n in self.answered_s]
        return max(delays, default=0.0) * 1000
