"""The program that heartline began as: a mapper in Python whose heartbeat, or listener, is a process of its
own. Carried to Python 3, and given the server's address, a path to be below and its znode's name; what it
does, and when, is as it was. `setup` in place of the name makes the znodes."""

import logging
import sys
import time
from multiprocessing import Process

from kazoo.client import KazooClient

FREE = b"this is a master map!"
address, space, name = sys.argv[1:]


def connected():
    zk = KazooClient(hosts=address + space)
    zk.start()
    return zk


def heartbeat():
    zk = connected()
    while True:
        time.sleep(0.005)
        zk.set(f"/heart_beat/{name}", b"alive at %f!" % time.time())


def listener(node):
    zk = connected()
    old_value = "start"
    while True:
        time.sleep(0.02)
        value = zk.get(f"/heart_beat/{node}")
        if value == old_value:
            message = f"{time.asctime()}: follower {node} has died!\n"
            zk.set("/heart_beat_master", message.encode())
            zk.set("/heart_beat_master", f"delete node {node}".encode())
            zk.delete(f"/heart_beat/{node}")
            zk.stop()
            break
        message = f"{time.asctime()}: follower {node} still alive\n"
        zk.set("/heart_beat_master", message.encode())
        old_value = value


def all_listen():
    zk = connected()
    zk.set("/heart_beat_master", f"zookeeper: CONNECTED\nmaster {name}\n".encode())
    old_nodes = []
    while True:
        nodes = zk.get_children("/heart_beat")
        for node in nodes:
            if node not in old_nodes:
                Process(target=listener, args=[node]).start()
        old_nodes = nodes


def setup():
    zk = KazooClient(hosts=address)
    zk.start()
    zk.ensure_path(f"{space}/heart_beat")
    zk.create(f"{space}/heart_beat_master", FREE)
    zk.stop()


def work():
    zk = connected()
    if zk.get("/heart_beat_master")[0] == FREE:
        zk.stop()
        process = Process(target=all_listen)
    else:
        zk.create(f"/heart_beat/{name}", b"this is a map!")
        zk.stop()
        process = Process(target=heartbeat)
    process.start()
    for line in sys.stdin:
        time.sleep(0.00001)
        for word in line.strip().split():
            print(f"{word}\t1")
    process.terminate()


logging.basicConfig()
if name == "setup":
    setup()
else:
    work()
