"""Serves a folder of JPEG files with espp's RTSP server, over and over, 24 frames a second: espp_server.py PORT FOLDER"""
import pathlib
import sys
import time

import espp

config = espp.RtspServer.Config(server_address="127.0.0.1", port=int(sys.argv[1]), path="/clip")
server = espp.RtspServer(config)
if not server.start():
    sys.exit("it does not start")
frames = [list(path.read_bytes()) for path in sorted(pathlib.Path(sys.argv[2]).glob("*.jpg"))]
due = time.monotonic()
while True:
    for frame in frames:
        server.send_frame(espp.JpegFrame(frame))
        due += 1 / 24
        time.sleep(max(0.0, due - time.monotonic()))
