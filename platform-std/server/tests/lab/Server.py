"""A server of the streaming lab, written from a description of what such servers say: Server.py PORT.

A file "broken" beside it names one thing that it does wrong, for tests of the check.
"""

import os
import random
import socket
import sys
import threading
import time

INTERVAL = 0.05
PART = 1400


def broken():
    try:
        with open("broken") as file:
            return file.read().strip()
    except OSError:
        return ""


BROKEN = broken()


class Film:
    """Frames of a file: five digits of a length, and so many bytes."""

    def __init__(self, name):
        self.file = open(name, "rb")
        self.number = 0

    def next(self):
        digits = self.file.read(5)
        if len(digits) < 5:
            return None
        self.number += 1
        return self.file.read(int(digits))


class Session:
    """One client."""

    def __init__(self, connection, address):
        self.connection, self.host = connection, address[0]
        self.state, self.film, self.port, self.number = "INIT", None, 0, 0
        self.stop, self.stops, self.sent = None, [], 0

    def serve(self):
        while True:
            data = self.connection.recv(1024)
            if not data:
                break
            lines = [line.split() for line in data.decode().split("\n")]
            method, name, cseq = lines[0][0], lines[0][1], lines[1][1]
            session = lines[2][1] if lines[2][0] == "Session:" else ""
            self.handle(method, name, cseq, session, lines[2])
        self.stop_all()
        self.connection.close()

    def stop_all(self):
        for stop in self.stops:
            stop.set()

    def handle(self, method, name, cseq, session, third):
        if method == "SETUP" and self.state == "INIT":
            try:
                self.film = Film(name)
            except OSError:
                return self.reply("404 NOT FOUND", cseq)
            self.number, self.state = random.randint(100000, 999999), "READY"
            self.port = int(third[-1].rsplit("=")[-1])
            return self.reply("200 OK", cseq)
        if method == "PLAY" and self.state == "INIT" and BROKEN == "play-in-init":
            return self.reply("200 OK", cseq)
        if method == "PLAY" and self.state == "INIT" and BROKEN == "play-ends-it":
            os._exit(1)
        if session != str(self.number) and BROKEN != "no-session":
            return self.reply("454 Session Not Found", cseq) if self.number else None
        if method == "PLAY" and self.state == "READY":
            self.state, self.stop = "PLAYING", threading.Event()
            self.stops.append(self.stop)
            self.reply("200 OK", cseq)
            if BROKEN == "rewinds":
                self.film = Film("movie.Mjpeg")
            threading.Thread(target=self.send, args=(self.stop,), daemon=True).start()
        elif method == "PAUSE" and self.state == "PLAYING":
            self.state = "READY"
            if BROKEN != "pause-keeps-sending":
                self.stop.set()
            self.reply("200 OK", cseq)
        elif method == "TEARDOWN" and self.state != "INIT":
            if BROKEN != "teardown-keeps-sending":
                self.stop_all()
            self.state = "INIT"
            self.reply("200 OK", cseq)
            if BROKEN != "play-after-teardown":
                self.number = 0
            else:
                self.state = "READY"

    def reply(self, status, cseq):
        if BROKEN == "cseq":
            cseq = "1"
        number = self.number
        if BROKEN == "session-changes":
            number = random.randint(100000, 999999) if self.state != "READY" else number
        text = "RTSP/1.0 " + status + "\nCSeq: " + cseq
        if BROKEN != "no-session":
            text += "\nSession: " + str(number)
        if BROKEN == "order":
            text = "RTSP/1.0 " + status + "\nSession: " + str(number) + "\nCSeq: " + cseq
        self.connection.sendall(text.encode())

    def send(self, stop):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        while not stop.wait(INTERVAL):
            frame = self.film.next()
            if frame is None:
                return
            for part, is_last in self.parts(frame):
                out.sendto(self.packet(part, is_last), (self.host, self.port))

    def parts(self, frame):
        if BROKEN not in ("in-parts", "no-marker", "part-missing"):
            return [(frame[12:] if BROKEN == "cut" else frame, False)]
        pieces = [frame[at:at + PART] for at in range(0, len(frame), PART)]
        parts = [(piece, index + 1 == len(pieces) and BROKEN != "no-marker") for index, piece in enumerate(pieces)]
        if BROKEN == "part-missing" and len(parts) > 2:
            del parts[1]
        return parts

    def packet(self, part, is_last):
        self.sent += 1
        number, stamp = self.film.number, int(time.time())
        kind = 96 if BROKEN == "payload-type" else 26
        if BROKEN == "sequence-stuck":
            number = 1
        elif BROKEN == "sequence-repeats":
            number = number - number % 2
        if BROKEN == "timestamp-stuck":
            stamp = 1
        elif BROKEN == "timestamp-back":
            stamp = 1000000 - self.film.number
        first = 0x40 if BROKEN == "version" else 0x80
        ssrc = self.sent if BROKEN == "ssrc" else 7
        header = bytes([first, kind | (0x80 if is_last else 0)])
        return header + number.to_bytes(2, "big") + stamp.to_bytes(4, "big") + ssrc.to_bytes(4, "big") + part


def main():
    if BROKEN == "files":
        for number in range(100):
            with open("file%d" % number, "wb") as file:
                file.write(bytes(100000))
        time.sleep(60)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", int(sys.argv[1])))
    listener.listen(5)
    if BROKEN.startswith("leaves "):
        # Neither of its group nor its child any more.
        os.spawnlp(os.P_NOWAIT, "setsid", "setsid", "--fork", "sleep", BROKEN.split()[1])
    if BROKEN == "second-port":
        reports = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        reports.bind(("127.0.0.1", 19001))
    if BROKEN == "forks":
        while True:
            os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1000")
    if BROKEN == "memory":
        print(len(bytearray(1 << 33)))
    if BROKEN == "output":
        while True:
            print("x" * 10000)
    while True:
        connection, address = listener.accept()
        threading.Thread(target=Session(connection, address).serve, daemon=True).start()


main()
