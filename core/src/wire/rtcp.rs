//! RTCP packets (RFC 3550 section 6). SR, RR, SDES, BYE, compound packets.
//! parse: an iterator over a checked compound packet; emit: into a caller's slice.
