//! Mutoscope on an operating system: sockets, clocks and files for the core's machines, a server and a client.
//!
//! In reading order:
//!
//! - [`tcp`], [`udp`], [`clock`]: the core's `Stream`, `Datagram` and `Clock` on non-blocking sockets.
//! - [`tls`]: TLS around such a stream, certificates, and what of them is believed.
//! - [`client`]: a client that connects, plays and gives frames out; [`play`] is its shortest form.
//! - [`server`]: a server for anything that is a catalogue of frames, one thread for all clients.
//! - [`media`]: files and folders as media that many viewers share.
//! - [`input`]: cameras, programs and whatever else makes JPEG while it is watched.
//! - [`record`]: live streams kept in files.
//! - [`hook`]: a program that is run when viewers and inputs come and go.
//! - [`guard`]: users, networks and tokens, for servers that not everybody may watch.
//! - `announce`, with the feature of that name: servers are found in the local network.
//! - `capture`, with the feature `pcap`: conversations in a file that Wireshark opens.
//! - [`watch`]: who is shown a client's conversation while it goes on; [`secrets`]: what of it nobody is shown.
//! - `web`, with the feature `http`: the streams in browsers.
//! - `onvif`, with the feature of that name: video recorders find the server, and ask for its streams.
//! - [`console`]: text for terminals and logs.
// `forbid` would allow no exception, and there is one: `input/camera/timestamp.rs`.
#![deny(unsafe_code)]

#[cfg(feature = "announce")]
pub mod announce;
mod bucket;
mod calendar;
#[cfg(feature = "pcap")]
pub mod capture;
pub mod client;
pub mod clock;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod console;
mod files;
pub mod guard;
mod hex;
pub mod hook;
pub mod input;
mod link;
pub mod media;
mod memory;
mod names;
#[cfg(feature = "onvif")]
pub mod onvif;
mod reach;
pub mod record;
pub mod secrets;
pub mod server;
mod sync;
pub mod tcp;
pub mod tls;
pub mod udp;
pub mod watch;
#[cfg(feature = "http")]
pub mod web;
mod wording;

pub use client::play;
#[cfg(feature = "futures")]
pub use client::play_stream;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
