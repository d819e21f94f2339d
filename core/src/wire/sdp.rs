//! Session descriptions (RFC 4566), as far as one JPEG stream needs them.
