"""Serves the JPEG frames of an AVI file with GStreamer's RTSP server, at rtsp://127.0.0.1:PORT/clip"""
import argparse
import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer

parser = argparse.ArgumentParser()
parser.add_argument("port")
parser.add_argument("file")
parser.add_argument("--ask", nargs=3, metavar=("basic|digest", "USER", "PASSWORD"))
parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
parser.add_argument("--srtp", action="store_true")
parser.add_argument("--shared", action="store_true", help="one pipeline plays the film once for all viewers, many of them")
args = parser.parse_args()

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(args.port)
factory = GstRtspServer.RTSPMediaFactory()
# avidemux hands the frames on as they are: nothing is decoded, so that what arrives can be compared with the file.
factory.set_launch(
    f'( filesrc location="{args.file}" ! avidemux ! rtpjpegpay name=pay0 pt=26 mtu=1400 )'
)
if args.shared:
    factory.set_shared(True)
    server.set_backlog(1024)
if args.srtp:
    factory.set_profiles(GstRtsp.RTSPProfile.SAVP)
if args.ask or args.tls:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    if args.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(*args.tls))
    if not args.ask:
        auth.set_default_token(token)
    else:
        scheme, user, password = args.ask
        auth.set_supported_methods(getattr(GstRtsp.RTSPAuthMethod, scheme.upper()))
        if scheme == "basic":
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        else:
            auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory("/clip", factory)
server.attach(None)
GLib.MainLoop().run()
