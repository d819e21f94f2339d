//! The lab dialect's requests and replies.
