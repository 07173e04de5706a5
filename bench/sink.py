"""python -m bench.sink PORT FILE: an SMTP server that takes everything, as cheaply as Python can.

Each mail it takes adds eight bytes to FILE: the time, a double. So its size says how many came.
"""

import asyncio
import os
import struct
import sys
import time


class Sink(asyncio.Protocol):
    """One conversation."""

    file = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer, self.body = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            mark = b"\r\n.\r\n" if self.body else b"\r\n"
            part, found, rest = self.buffer.partition(mark)
            if not found:
                return
            self.buffer = rest
            if self.body:
                os.write(self.file, struct.pack("d", time.time()))
                self.body = False
                self.transport.write(b"250 Taken\r\n")
                continue
            word = part[:4].upper()
            if word == b"DATA":
                self.body = True
                self.transport.write(b"354 Go on\r\n")
            elif word == b"EHLO":
                self.transport.write(b"250-sink\r\n250 8BITMIME\r\n")
            elif word == b"QUIT":
                self.transport.write(b"221 Bye\r\n")
                self.transport.close()
            else:
                self.transport.write(b"250 Fine\r\n")


async def main(port: int, file: str) -> None:
    """Serve until killed."""
    Sink.file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
