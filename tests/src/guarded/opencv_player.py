"""Prints a digest of each picture that OpenCV gets: opencv_player.py URL udp|tcp"""
import hashlib
import os
import sys

os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"rtsp_transport;{sys.argv[2]}"
import cv2

capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
while True:
    there, picture = capture.read()
    if not there:
        break
    print(hashlib.md5(picture.tobytes()).hexdigest())
