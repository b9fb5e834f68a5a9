"""A leader by ZooKeeper's plain recipe: the process that creates the ephemeral znode leads, the others watch it."""

import sys
from threading import Event

from kazoo.client import KazooClient
from kazoo.exceptions import NodeExistsError

address, timeout, space, name = sys.argv[1:]
zk = KazooClient(hosts=address, timeout=int(timeout) / 1000)
zk.start()
zk.ensure_path(f"{space}/leader")
master = f"{space}/master"


def claim():
    try:
        zk.create(master, ephemeral=True)
        return True
    except NodeExistsError:
        return False


# Only so that the bench sees who is ready; the recipe has no line.
def stand():
    zk.create(f"{space}/line/", name.encode(), ephemeral=True, sequence=True, makepath=True)


standing = False
while True:
    leads, gone = claim(), Event()
    waits = not leads and zk.exists(master, watch=lambda _: gone.set())
    if leads:
        zk.set(f"{space}/leader", name.encode())
    if not standing and (leads or waits):
        stand()
        standing = True
    if leads:
        break
    if waits:
        gone.wait()

sys.stdin.read()
zk.delete(master)
zk.stop()
