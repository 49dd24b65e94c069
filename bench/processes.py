# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of processes: their trees, memory, processor time and cores.

Processor time is read in nanoseconds, so short runs count too.
"""

import os
import pathlib
import time

PROC = pathlib.Path("/proc")


def tree(pid):
    """`pid` and all below it."""
    found = [pid]
    for parent in found:
        for task in tasks(parent):
            try:
                found += [int(word) for word in (task / "children").read_text().split()]
            except OSError:
                pass
    return found


def tasks(pid):
    try:
        return list((PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def memory_bytes(pid):
    """Proportional set size of the process and all below it: shared pages count once."""
    total = 0
    for member in tree(pid):
        text = (PROC / str(member) / "smaps_rollup").read_text()
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total * 1024


def clock_of(pid):
    """The clock of another process's processor time, as clock_getcpuclockid(3) makes it: threads
    that have ended are in it."""
    return (~pid << 3) | 2


def processor_ns(pids):
    """{pid: nanoseconds on a processor}."""
    times = {}
    for pid in pids:
        try:
            times[pid] = time.clock_gettime_ns(clock_of(pid))
        except OSError:
            pass
    return times


def spent_ns(before, after):
    """What was used between two readings; a process that began in between counts whole."""
    return sum(value - before.get(key, 0) for key, value in after.items())


def pin(pids, cores):
    """Keeps every thread of `pids`, and what they start from now on, on `cores`."""
    for pid in pids:
        for task in tasks(pid):
            try:
                os.sched_setaffinity(int(task.name), cores)
            except ProcessLookupError:
                pass


def kernel_threads(prefix):
    """Ids of the kernel's threads whose name begins so."""
    found = []
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                if (folder / "comm").read_text().startswith(prefix):
                    found.append(int(folder.name))
            except OSError:
                pass
    return found
