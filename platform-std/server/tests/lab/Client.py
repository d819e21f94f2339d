"""A client of the streaming lab, written from a description of what such clients say.

A file "broken" beside it names one thing that it does wrong, for tests of the check.
"""

import io
import socket
import threading
import tkinter.messagebox
from tkinter import Button, E, Label, N, S, W

from PIL import Image, ImageTk


def broken():
    try:
        with open("broken") as file:
            return file.read().strip()
    except OSError:
        return ""


BROKEN = broken()


class Client:
    def __init__(self, master, host, port, rtp_port, name):
        self.master, self.name, self.rtp_port = master, name, rtp_port
        self.state, self.session, self.cseq, self.asked = "INIT", 0, 0, ""
        self.last, self.parts, self.lost, self.received = 0, b"", 0, 0
        self.socket, self.is_over = None, False
        commands = (self.set_up, self.play, self.pause, self.tear_down)
        buttons = list(zip(("Setup", "Play", "Pause", "Teardown"), commands))
        if BROKEN == "three-buttons":
            del buttons[0]
        for column, (text, command) in enumerate(buttons):
            button = Button(master, width=20, padx=3, pady=3, text=text, command=command)
            button.grid(row=1, column=column, padx=2, pady=2)
        self.label = Label(master, height=19)
        self.label.grid(row=0, column=0, columnspan=4, sticky=W + E + N + S, padx=5, pady=5)
        master.protocol("WM_DELETE_WINDOW", self.close)
        self.control = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.control.connect((host, port))
        threading.Thread(target=self.read_replies, daemon=True).start()

    def set_up(self):
        if self.state == "INIT" or BROKEN == "setup-twice" and self.state == "READY":
            self.ask("SETUP")

    def play(self):
        if BROKEN == "three-buttons" and self.state == "INIT":
            return self.ask("SETUP")
        if self.state == "READY" or BROKEN == "play-in-init" and self.state == "INIT":
            self.ask("PLAY")

    def pause(self):
        if self.state == "PLAYING" and BROKEN != "no-pause":
            self.ask("PAUSE")

    def tear_down(self):
        if self.state != "INIT" and BROKEN != "no-teardown":
            self.ask("TEARDOWN")
        if BROKEN != "lives-on":
            self.master.destroy()

    def close(self):
        if tkinter.messagebox.askokcancel("Quit?", "Do you want to quit?"):
            self.tear_down()

    def ask(self, method):
        self.cseq += {"cseq-stuck": 0, "cseq-skips": 2}.get(BROKEN, 1)
        self.asked = method
        session = self.session + 1 if BROKEN == "session" else self.session
        port = self.rtp_port + 2 if BROKEN == "port" else self.rtp_port
        last = "Transport: RTP/UDP; client_port= %d" % port if method == "SETUP" else "Session: %d" % session
        form = "%s %s\nCSeq: %d\n%s" if BROKEN == "no-version" else "%s %s RTSP/1.0\nCSeq: %d\n%s"
        self.control.send((form % (method, self.name, self.cseq, last)).encode())

    def read_replies(self):
        while True:
            try:
                reply = self.control.recv(1024)
            except OSError:
                return
            if not reply:
                return
            lines = [line.split() for line in reply.decode().split("\n")]
            status, cseq, session = int(lines[0][1]), int(lines[1][1]), int(lines[2][1])
            if cseq != self.cseq:
                continue
            if self.asked == "SETUP" and status == 200 and not self.session:
                self.session = session
            if session != self.session and BROKEN not in ("any-session", "any-status"):
                continue
            if status == 200 or BROKEN == "any-status":
                self.answered()
            if self.asked == "TEARDOWN":
                self.control.close()
                return

    def answered(self):
        if self.asked == "SETUP":
            self.state = "READY"
            if self.socket is None:
                self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self.socket.settimeout(0.5)
                self.socket.bind(("", self.rtp_port))
                threading.Thread(target=self.read_packets, daemon=True).start()
            if BROKEN == "three-buttons":
                self.ask("PLAY")
        else:
            self.state = {"PLAY": "PLAYING", "PAUSE": "READY", "TEARDOWN": "INIT"}[self.asked]

    def read_packets(self):
        while self.state != "INIT":
            try:
                packet = self.socket.recv(20480)
            except socket.timeout:
                continue
            number, is_last = int.from_bytes(packet[2:4], "big"), packet[1] & 0x80
            if number <= self.last and BROKEN != "late":
                continue
            self.parts += packet[{"header": 10, "o8": 20, "i6": 18}.get(BROKEN, 12):]
            if not is_last and BROKEN != "whole-only":
                continue
            frame, self.parts = self.parts, b""
            self.lost += max(0, number - self.last - 1)
            self.received += 1
            self.last = max(self.last, number)
            self.show(frame)

    def show(self, frame):
        lost = 0 if BROKEN == "statistics" else self.lost
        print("received %d frames, lost %d" % (self.received, lost))
        try:
            photo = ImageTk.PhotoImage(Image.open(io.BytesIO(frame)))
            self.label.configure(image=photo, height=288)
            self.label.image = photo
        except Exception as error:
            print("cannot show:", error)
