# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions at a steady rate from another process, and what became of those that were due in some
span of time (zones_transfer.py)."""

import contextlib
import multiprocessing
import os
import random
import select
import socket
import statistics
import struct
import sys
import time

from transfer_sides import ADDRESS, ZONE, question

A = 1
LOST_S = 2
RATE = 1000


class Asker:
    """Another process that asks while it is to, and tells of each question in the end."""

    def __init__(self, port, names):
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=ask_on, args=(port, names, theirs),
                                               daemon=True)
        self.process.start()

    @contextlib.contextmanager
    def asking(self):
        self.ours.send("ask")
        time.sleep(0.1)
        yield
        self.ours.send("rest")

    def end(self):
        """[(when it was due, latency in ms or None)]"""
        time.sleep(LOST_S + 0.5)
        self.ours.send("end")
        asked = self.ours.recv()
        self.process.join()
        return asked


def ask_on(port, names, pipe):
    numbers, asked, number = random.Random(1), [], 0
    # What it would wait for behind the client of the transfer, or another of ours, is not the
    # server's doing. Its own work is small beside what the server has left of each processor.
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("without root, the one who asks waits for others too", file=sys.stderr)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((ADDRESS, port))
        sent, due = {}, None
        while True:
            now = time.monotonic()
            if due is not None and now >= due:
                number = number + 1 & 0xFFFF
                udp.send(question(0, A, f"n{numbers.randrange(names - 3):07d}.{ZONE}", number))
                sent[number] = due  # at the moment it was due: a stall of ours is no excuse
                due += 1 / RATE
            for old in [one for one, at in sent.items() if now - at > LOST_S]:
                asked.append((sent.pop(old), None))
            wait = 0.5 if due is None else max(0.0, due - time.monotonic())
            ready = select.select([udp, pipe], [], [], wait)[0]
            if udp in ready:
                reply = udp.recv(4096)
                at = sent.pop(struct.unpack(">H", reply[:2])[0], None)
                if at is not None:
                    asked.append((at, (time.monotonic() - at) * 1e3))
            if pipe in ready:
                word = pipe.recv()
                if word == "end":
                    return pipe.send(asked)
                due = time.monotonic() if word == "ask" else None


class Windows:
    """Spans of time by name, and what became of the questions that were due in them."""

    def __init__(self):
        self.spans = {}

    @contextlib.contextmanager
    def span(self, name):
        begun = time.monotonic()
        yield
        self.spans.setdefault(name, []).append((begun, time.monotonic()))

    def seconds(self, name):
        return statistics.median(end - begun for begun, end in self.spans[name])

    def facts(self, name, asked):
        """None for each latency if all were lost."""
        latencies = [latency for at, latency in asked
                     if any(begun <= at < end for begun, end in self.spans[name])]
        known = sorted(latency for latency in latencies if latency is not None)
        return {"s": self.seconds(name), "questions": len(latencies),
                "lost": len(latencies) - len(known),
                "p50_ms": known[len(known) // 2] if known else None,
                "p99_ms": known[int(len(known) * 0.99)] if known else None,
                "highest_ms": known[-1] if known else None}
