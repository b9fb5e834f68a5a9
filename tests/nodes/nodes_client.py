"""A client written to the seed and to nothing else: `json.dumps` over a socket, without any mark between messages.

    nodes_client.py HOST PORT SLAVE_KEY MASTER_KEY

It prints a line for each step; an assertion that fails ends it with a traceback."""

import json
import socket
import sys
import threading
import time

HOST, PORT = sys.argv[1], int(sys.argv[2])


class Client:
    def __init__(self):
        self.socket = socket.create_connection((HOST, PORT), timeout=20)
        self.text = ""

    def send(self, message):
        self.socket.send(json.dumps(message).encode())

    def receive(self):
        """The next object: the server puts no mark between its messages either."""
        while True:
            try:
                message, end = json.JSONDecoder().raw_decode(self.text)
                self.text = self.text[end:]
                return message
            except ValueError:
                more = self.socket.recv(4096).decode()
                assert more, "the server has closed the connection"
                self.text += more

    def until(self, wanted):
        while True:
            message = self.receive()
            if wanted(message):
                return message


def node(role, name, ip, key):
    return {
        "role": role,
        "is_alive": "True",
        "hostname": name,
        "ip": ip,
        "id_rsa.pub": key,
        "username": "hadoop",
    }


def heartbeat(of):
    beat = {key: of[key] for key in ("role", "is_alive", "hostname", "ip", "username")}
    return {**beat, "type": "heartbeat"}


def confirmation(status):
    kept = {key: status[key] for key in ("role", "is_alive", "hostname", "ip", "username")}
    return {**kept, "type": "heartbeat"}


class Beats(threading.Thread):
    """Beats of a node on a connection of its own until it is stopped: however slow the machine is, the node lives."""

    def __init__(self, of):
        super().__init__(daemon=True)
        self.of, self.client, self.ended = of, Client(), threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.2):
            self.client.send(heartbeat(self.of))

    def end(self):
        self.ended.set()
        self.join()


def is_ack(of):
    return lambda message: message.get("type") == "ack" and message["of"] == of


slave_node = node("slave", "slave1.hadoop.com", "127.0.1.1", sys.argv[3] + " hadoop@slave1\n")
slave = Client()
slave.send(slave_node)
ack = slave.receive()
assert is_ack("register")(ack) and ack["role"] == "server" and ack["is_alive"] == "True", ack
print("registered")

status = slave.receive()
assert status["role"] == "server" and status["is_alive"] == "True", status
assert "type" not in status, status
assert {"hostname", "ip", "username", "id_rsa.pub"} <= set(status), status
slave.send(confirmation(status))
assert is_ack("update")(slave.until(lambda message: message.get("type") == "ack"))
print("got the status")

slave.send(heartbeat(slave_node))
slave.until(is_ack("heartbeat"))
print("beats")

# The master comes after its slave, in pieces, with newlines around, and two messages in one segment.
master_node = node("master", "master.hadoop.com", "127.0.1.2", sys.argv[4])
master = Client()
text = "\n " + json.dumps(master_node) + "\r\n" + json.dumps(heartbeat(master_node))
for begin in range(0, len(text), 40):
    master.socket.send(text[begin : begin + 40].encode())
    time.sleep(0.005)
first = master.until(lambda message: message.get("type") == "ack")
assert first["of"] == "register" and first["as"] == "master", first
master.until(is_ack("heartbeat"))
print("registered in pieces")
master_beats = Beats(master_node)

both = [["127.0.1.2", "master.hadoop.com"], ["127.0.1.1", "slave1.hadoop.com"]]
update = slave.until(lambda message: len(message.get("clusers_ip", [])) == 2)
assert update["type"] == "update" and update["role"] == "server", update
assert update["clusers_ip"] == both, update
assert [name for name, _ in update["clusers_ssh"]] == [name for _, name in both], update
assert update["clusers_ssh"][1][1] == sys.argv[3], update
slave.send(confirmation(update))
slave.until(is_ack("update"))
print("got the update")

# A second node of role master gets the reason why it is not the master.
second = Client()
second.send(node("master", "second.hadoop.com", "127.0.1.3", sys.argv[4]))
refused = second.receive()
assert refused["type"] == "refused" and refused["as"] == "standby", refused
assert "master.hadoop.com is master" in refused["reason"], refused
print("got the reason")

# A connection for each message, as the simplest client makes it.
once = Client()
once.send(heartbeat(slave_node))
once.until(is_ack("heartbeat"))
print("beats elsewhere")

# The master falls silent; the slave does not, and hears of it.
master_beats.end()
second_node = node("master", "second.hadoop.com", "127.0.1.3", sys.argv[4])
while True:
    second.send(heartbeat(second_node))
    slave.send(heartbeat(slave_node))
    message = slave.receive()
    if ["master.hadoop.com", "False"] in message.get("clusers_alive", []):
        break
    time.sleep(0.1)
assert ["127.0.1.2", "master.hadoop.com"] in message["clusers_ip"], message
print("got the death")
second.send(heartbeat(second_node))
second.until(lambda message: is_ack("heartbeat")(message) and message["as"] == "master")
print("took over")
