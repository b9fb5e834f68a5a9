"""A TCP proxy that cuts all its connections once in a while, as one that is started again and again. Run as a program
in one network namespace, it connects from another: proxy.py LISTEN TARGET NAMESPACE SECONDS. It writes a line when it
listens, and then the number of connections at each cut."""

import selectors
import socket
import sys
import time

from namespaces import enter

LIMIT = 1


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


class Proxy:
    def __init__(self, listener, target):
        self.listener = listener
        self.target = target
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)
        # The other end of each socket.
        self.others = {}

    def run(self, seconds):
        due = time.monotonic() + seconds
        while True:
            for key, _ in self.selector.select(max(due - time.monotonic(), 0)):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj in self.others:
                    self.pass_on(key.fileobj)
            if time.monotonic() >= due:
                due += seconds
                print(self.cut(), flush=True)

    def accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(self.target, timeout=LIMIT)
        except OSError:
            client.close()
            return
        for one, other in [(client, server), (server, client)]:
            # Who takes nothing for as long is cut.
            one.settimeout(LIMIT)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.others[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def pass_on(self, source):
        try:
            if data := source.recv(65536):
                self.others[source].sendall(data)
                return
        except OSError:
            # Reset by one end: both have to go, as at its end.
            pass
        self.close(source)

    def close(self, one):
        other = self.others[one]
        for end in [one, other]:
            self.selector.unregister(end)
            del self.others[end]
            end.close()

    def cut(self):
        """Closes all connections; how many there were."""
        count = len(self.others) // 2
        while self.others:
            self.close(next(iter(self.others)))
        return count


def main():
    listen, target, namespace, seconds = sys.argv[1:]
    listener = socket.create_server(address(listen), backlog=1024)
    enter(namespace)
    print("listens", flush=True)
    Proxy(listener, address(target)).run(float(seconds))


if __name__ == "__main__":
    main()
