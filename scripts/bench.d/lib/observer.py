"""Notices each change of a znode when ZooKeeper's watch fires: the same observer for all contestants."""

import select
import struct
import time

from zookeeper import Reader

PING = struct.pack(">ii", -2, 11)
NOTICE = -1


class Observer(Reader):
    """A session that watches one znode. What it sees, it sees two round trips after the write."""

    def watch(self, path):
        """The value as it is, with its next change being watched."""
        value = self.value(path, watch=True)
        if value is None:
            raise ConnectionError(f"{path} is gone")
        return value

    def until(self, path, wanted, limit):
        """When, by the monotonic clock, a value that is wanted was seen; None if not within the limit.
        The path is watched already."""
        end = time.monotonic() + limit
        while self.noticed(end):
            value = self.watch(path)
            seen = time.monotonic()
            if wanted(value):
                return seen
        return None

    def until_gone(self, parent, name, limit):
        """When, by the monotonic clock, it was notified that a child is gone; None if not within the limit. The
        parent's children are watched already."""
        end = time.monotonic() + limit
        while self.noticed(end):
            seen = time.monotonic()
            if name not in self.children(parent, watch=True):
                return seen
        return None

    def noticed(self, end):
        """Waits for the change that is watched, and says in the meantime that this session lives."""
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], min(left, 1))[0]:
                self.send(PING)
            elif struct.unpack_from(">i", self.receive())[0] == NOTICE:
                return True
        return False
