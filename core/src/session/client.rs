//! The client side of one RTSP connection.
