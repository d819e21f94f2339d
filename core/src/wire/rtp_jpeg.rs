//! The RTP/JPEG payload headers (RFC 2435 section 3.1).
