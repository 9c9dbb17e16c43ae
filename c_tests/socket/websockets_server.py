# SPDX-License-Identifier: MIT OR Apache-2.0
"""A server of Python's `websockets` for test_websockets.c.

websockets_server.py [CERTIFICATE KEY]: serves ws, or wss, on a free port of
127.0.0.1 and prints `port N`. /close answers a message with a Close frame, code
4321; any other path echoes messages. A line `closed CODE` for each connection
that the client has ended says how.
"""

import ssl
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


def say(line):
    print(line, flush=True)


def handle(connection):
    try:
        while True:
            message = connection.recv()
            if connection.request.path == "/close":
                connection.close(4321, "enough")
                return
            connection.send(message)
    except ConnectionClosed as end:
        say(f"closed {end.rcvd.code if end.rcvd else 1006}")


def main():
    context = None
    if len(sys.argv) == 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    with serve(handle, "127.0.0.1", 0, ssl=context, subprotocols=["echo"], max_size=None) as server:
        say(f"port {server.socket.getsockname()[1]}")
        server.serve_forever()


main()
