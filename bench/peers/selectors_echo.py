"""An echo server on CPython's selectors: what examples/echo_server.ts is a port of."""

import selectors
import socket

BUFFER_SIZE = 65536

selector = selectors.DefaultSelector()
unsent = {}


def accept(server):
    while True:
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, read)


def read(connection):
    data = connection.recv(BUFFER_SIZE)
    if not data:
        return close(connection)
    sent = send(connection, data)
    if sent == len(data):
        return
    unsent[connection] = memoryview(data)[sent:]
    selector.modify(connection, selectors.EVENT_WRITE, write)


def write(connection):
    data = unsent[connection]
    sent = send(connection, data)
    if sent < len(data):
        unsent[connection] = data[sent:]
        return
    del unsent[connection]
    selector.modify(connection, selectors.EVENT_READ, read)


def send(connection, data):
    try:
        return connection.send(data)
    except BlockingIOError:
        return 0


def close(connection):
    selector.unregister(connection)
    unsent.pop(connection, None)
    connection.close()


server = socket.create_server(("127.0.0.1", 0), backlog=socket.SOMAXCONN)
server.setblocking(False)
selector.register(server, selectors.EVENT_READ, accept)
print("listening on %s:%d" % server.getsockname(), flush=True)
while True:
    for key, _ in selector.select():
        try:
            key.data(key.fileobj)
        except OSError:
            close(key.fileobj)
