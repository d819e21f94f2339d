"""A client of the streaming lab without a window: Words.py HOST PORT RTP_PORT FILE. It reads setup, play, pause and teardown."""

import socket
import sys

MOVES = {"setup": ("INIT", "READY"), "play": ("READY", "PLAYING"), "pause": ("PLAYING", "READY")}


def main():
    host, port, rtp_port, name = sys.argv[1:]
    state, session, cseq, control = "INIT", "0", 0, None
    for word in map(str.strip, sys.stdin):
        begins, then = MOVES.get(word, (state, "INIT"))
        if state != begins:
            continue
        if control is None:
            control = socket.create_connection((host, int(port)))
            media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            media.bind(("", int(rtp_port)))
        cseq += 1
        last = "Transport: RTP/UDP; client_port= " + rtp_port if word == "setup" else "Session: " + session
        control.send(("%s %s RTSP/1.0\nCSeq: %d\n%s" % (word.upper(), name, cseq, last)).encode())
        lines = control.recv(1024).decode().split("\n")
        own = lines[2].split()[1]
        if " 200 " in lines[0] and session in ("0", own):
            state, session = then, own
        if word == "teardown":
            return


main()
