"""Peer processes of which one runs at a time: the others are stopped, so that their thread pools do not spin."""
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1


class PeerFailed(Exception):
    pass


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class PeerProcess:
    """A worker (worker.py). It is stopped except while it loads or answers."""

    def __init__(self, command, name, log):
        self.name, self.buffer = name, b""
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                        start_new_session=True, preexec_fn=die_with_parent)

    def answer(self, seconds):
        """The next line; stops the process behind it. Throws PeerFailed."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise PeerFailed(f"no answer in {seconds:.0f} s")
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise PeerFailed(f"ended without an answer{self.how_it_ended()}")
            self.buffer += data
        self.stop()
        line, _, self.buffer = self.buffer.partition(b"\n")
        fields = json.loads(line)
        if "error" in fields:
            raise PeerFailed(fields["error"])
        return fields

    def how_it_ended(self):
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return ""
        return f" (signal {-status}; out of memory?)" if status < 0 else f" (status {status})"

    def time(self, ratio, runs, seconds):
        """Milliseconds of each of `runs` runs. Throws PeerFailed."""
        self.signal(signal.SIGCONT)
        try:
            self.process.stdin.write(f"{ratio} {runs}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise PeerFailed(f"ended between two turns{self.how_it_ended()}") from None
        return self.answer(seconds)["ms"]

    def stop(self):
        """Returns when all its threads stand still, or it has ended."""
        self.signal(signal.SIGSTOP)
        if self.process.returncode is None:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def signal(self, number):
        try:
            self.process.send_signal(number)
        except ProcessLookupError:
            pass

    def close(self):
        self.process.kill()  # also where it is stopped
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass


def available_memory_mib():
    for line in open("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0


def busy_share(seconds=0.3):
    """The part of all processors' time that somebody uses, while nothing of ours runs."""
    def read():
        fields = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    total, idle = read()
    time.sleep(seconds)
    later_total, later_idle = read()
    return 1 - (later_idle - idle) / max(1, later_total - total)


def interrupted(number, _frame):
    print(f"bench-peers: ended by signal {number}", file=sys.stderr)
    raise SystemExit(128 + number)


def end_cleanly_on_signals():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
