"""Serves the JPEG frames of an AVI file with GStreamer's RTSP server: gstreamer_server.py PORT FILE"""
import sys
import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
# avidemux hands the frames on as they are: nothing is decoded, so that what arrives can be compared with the file.
factory.set_launch(
    f'( filesrc location="{sys.argv[2]}" ! avidemux ! rtpjpegpay name=pay0 pt=26 mtu=1400 )'
)
server.get_mount_points().add_factory("/clip", factory)
server.attach(None)
GLib.MainLoop().run()
