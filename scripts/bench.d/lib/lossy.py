"""A link between two network namespaces that loses and delays frames, as tc netem does, for kernels without that. Run as
a program in one namespace, with its other end in another: lossy.py NEAR FAR NAMESPACE LOSS DELAY. NEAR and FAR name
the interfaces of both ends, LOSS is a share, and each frame is late for a time between zero and twice DELAY seconds, so
that frames overtake others. It writes a line when both ends are there."""

import fcntl
import heapq
import os
import random
import selectors
import struct
import sys
import time

from namespaces import enter

# From linux/if_tun.h: Ethernet frames, without a header of the kernel's before them.
SET_INTERFACE, TAP, NO_HEADER = 0x400454CA, 0x0002, 0x1000
FRAME = 65536


def tap(name):
    """An interface of this namespace: what it sends is read, and what is written it receives."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, SET_INTERFACE, struct.pack("16sH22x", name.encode(), TAP | NO_HEADER))
    return file


def run(ends, loss, delay):
    selector = selectors.DefaultSelector()
    for one, other in [ends, ends[::-1]]:
        selector.register(one, selectors.EVENT_READ, other)
    # When they are due, in which order they came, where to, and what.
    late, count = [], 0
    while True:
        wait = max(late[0][0] - time.monotonic(), 0) if late else None
        for key, _ in selector.select(wait):
            while (frame := taken(key.fd)) is not None:
                if random.random() >= loss:
                    count += 1
                    due = time.monotonic() + random.uniform(0, 2 * delay)
                    heapq.heappush(late, (due, count, key.data, frame))
        now = time.monotonic()
        while late and late[0][0] <= now:
            _, _, end, frame = heapq.heappop(late)
            try:
                os.write(end, frame)
            except OSError:
                # The interface is down, or its queue is full: one more frame that is lost.
                pass


def taken(end):
    try:
        return os.read(end, FRAME)
    except OSError:
        return None


def main():
    near, far, namespace, loss, delay = sys.argv[1:]
    ends = [tap(near)]
    enter(namespace)
    ends.append(tap(far))
    print("stands", flush=True)
    run(ends, float(loss), float(delay))


if __name__ == "__main__":
    main()
