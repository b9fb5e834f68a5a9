"""A leader by kazoo's own recipe, which is a lock."""

import sys

from kazoo.client import KazooClient

address, timeout, space, name = sys.argv[1:]
zk = KazooClient(hosts=address, timeout=int(timeout) / 1000)
zk.start()
zk.ensure_path(f"{space}/leader")


def lead():
    zk.set(f"{space}/leader", name.encode())
    sys.stdin.read()


zk.Election(f"{space}/line", name).run(lead)
zk.stop()
