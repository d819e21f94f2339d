//! Fuzz targets: one function for each thing that reads what strangers send.
//!
//! A target takes any bytes and panics where a promise is broken, which is more than "does not crash": lengths stay within
//! the input, a message cut short is never mistaken for a whole one, what is written can be read back. The same functions are
//! run by the mutating runner in [`runner`] (in every test run, for a second each) and by cargo-fuzz (`tests/fuzz`, by hand and
//! for hours).

pub mod announcements;
pub mod auth;
pub mod clients;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod containers;
pub mod delivery;
pub mod feed;
pub mod inputs;
pub mod jpeg;
pub mod keys;
pub mod machines;
pub mod mutate;
pub mod networks;
pub mod onvif;
pub mod proofs;
pub mod publisher;
pub mod rtp;
pub mod runner;
pub mod sealed;
pub mod source;
pub mod text;
pub mod users;
pub mod web;

/// A function that reads bytes, and what to begin with.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name here and in `tests/fuzz`.
    pub name: &'static str,
    /// Reads any bytes.
    pub run: fn(&[u8]),
    /// Valid inputs to mutate.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces of the grammar.
    pub words: &'static [&'static str],
}

/// What is left of an input.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl Cursor<'_> {
    /// The next bytes, and zeros where there are none.
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_at(N.min(self.0.len()));
        self.0 = rest;
        std::array::from_fn(|at| taken.get(at).copied().unwrap_or(0))
    }
}

/// Kinds of boxes.
const CONTAINER_WORDS: &[&str] = &["moov", "trak", "stsz", "stco", "stsc", "stts", "moof", "trun", "mdat", "V_MJPEG"];

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "rtsp", run: text::rtsp, seeds: text::rtsp_seeds, words: text::RTSP_WORDS },
    Target { name: "headers", run: text::headers, seeds: text::header_seeds, words: text::RTSP_WORDS },
    Target { name: "lab", run: text::lab, seeds: text::lab_seeds, words: text::RTSP_WORDS },
    Target { name: "sdp", run: text::sdp, seeds: text::sdp_seeds, words: text::SDP_WORDS },
    Target { name: "url", run: text::url, seeds: text::url_seeds, words: text::URL_WORDS },
    Target { name: "challenges", run: auth::challenges, seeds: auth::challenges_seeds, words: auth::WORDS },
    Target { name: "authorization", run: auth::authorization, seeds: auth::authorization_seeds, words: auth::WORDS },
    Target { name: "answers", run: proofs::answers, seeds: proofs::answers_seeds, words: text::URL_WORDS },
    Target { name: "tokens", run: proofs::tokens, seeds: proofs::tokens_seeds, words: text::URL_WORDS },
    Target { name: "networks", run: networks::networks, seeds: networks::networks_seeds, words: networks::WORDS },
    Target { name: "users", run: users::users, seeds: users::users_seeds, words: users::WORDS },
    Target { name: "key_exchange", run: keys::key_exchange, seeds: keys::key_exchange_seeds, words: keys::WORDS },
    Target { name: "keys_made", run: keys::made, seeds: keys::made_seeds, words: &[] },
    Target { name: "srtp", run: keys::srtp, seeds: keys::srtp_seeds, words: &[] },
    Target { name: "srtp_stream", run: sealed::stream, seeds: sealed::stream_seeds, words: &[] },
    Target { name: "rtp", run: rtp::rtp, seeds: rtp::rtp_seeds, words: &[] },
    Target { name: "rtcp", run: rtp::rtcp, seeds: rtp::rtcp_seeds, words: &[] },
    Target { name: "rtp_jpeg", run: rtp::rtp_jpeg, seeds: rtp::rtp_jpeg_seeds, words: &[] },
    Target { name: "packetizer", run: rtp::packetizer, seeds: jpeg::seeds, words: &[] },
    Target { name: "receiver", run: machines::receiver, seeds: machines::receiver_seeds, words: &[] },
    Target { name: "reassembly", run: machines::reassembly, seeds: machines::reassembly_seeds, words: &[] },
    Target {
        name: "server_session",
        run: machines::server_session,
        seeds: machines::server_session_seeds,
        words: text::RTSP_WORDS,
    },
    Target { name: "publisher", run: publisher::publisher, seeds: publisher::publisher_seeds, words: &[] },
    Target {
        name: "client_session",
        run: clients::client_session,
        seeds: clients::client_session_seeds,
        words: text::RTSP_WORDS,
    },
    Target { name: "client", run: clients::client, seeds: clients::client_seeds, words: text::RTSP_WORDS },
    Target { name: "delivery", run: delivery::delivery, seeds: delivery::delivery_seeds, words: &[] },
    Target { name: "mjpeg", run: source::mjpeg, seeds: source::mjpeg_seeds, words: &["00000", "00700", "99999"] },
    Target {
        name: "containers",
        run: containers::containers,
        seeds: containers::containers_seeds,
        words: CONTAINER_WORDS,
    },
    Target { name: "avi_multipart", run: source::mjpeg, seeds: feed::container_seeds, words: feed::WORDS },
    Target { name: "feed", run: feed::feed, seeds: feed::feed_seeds, words: feed::WORDS },
    Target { name: "jpeg", run: jpeg::layout, seeds: jpeg::seeds, words: &[] },
    Target { name: "mend", run: jpeg::mend, seeds: jpeg::mend_seeds, words: &[] },
    Target { name: "recode", run: jpeg::recode, seeds: jpeg::recode_seeds, words: &[] },
    Target { name: "reduce", run: jpeg::reduce, seeds: jpeg::reduce_seeds, words: &[] },
    Target { name: "transcode", run: jpeg::transcode, seeds: jpeg::transcode_seeds, words: &[] },
    Target { name: "http_answers", run: inputs::answers, seeds: inputs::answer_seeds, words: inputs::HTTP_WORDS },
    Target { name: "onvif", run: onvif::request, seeds: onvif::request_seeds, words: onvif::WORDS },
    Target { name: "ws_discovery", run: onvif::discovery, seeds: onvif::discovery_seeds, words: onvif::WORDS },
    Target { name: "input_spec", run: inputs::spec, seeds: inputs::spec_seeds, words: inputs::SPEC_WORDS },
    Target { name: "web_routes", run: web::routes, seeds: web::route_seeds, words: web::ROUTE_WORDS },
    Target { name: "web_origins", run: web::origins, seeds: web::origin_seeds, words: web::ORIGIN_WORDS },
    Target { name: "web_forms", run: web::forms, seeds: web::form_seeds, words: web::FORM_WORDS },
    Target { name: "web_publish", run: web::publish, seeds: feed::feed_seeds, words: feed::WORDS },
    #[cfg(feature = "cluster")]
    Target { name: "cluster_keys", run: cluster::keys, seeds: cluster::key_seeds, words: cluster::WORDS },
    #[cfg(feature = "cluster")]
    Target { name: "cluster_stamps", run: cluster::stamps, seeds: cluster::stamp_seeds, words: &[] },
    #[cfg(feature = "cluster")]
    Target {
        name: "cluster_questions",
        run: cluster::questions,
        seeds: cluster::question_seeds,
        words: &["from=", "at=", ";count=", "="],
    },
    #[cfg(feature = "cluster")]
    Target { name: "cluster_words", run: cluster::words, seeds: cluster::word_seeds, words: cluster::WORDS },
    #[cfg(feature = "cluster")]
    Target { name: "cluster_about", run: cluster::about, seeds: cluster::about_seeds, words: cluster::WORDS },
    Target {
        name: "announcements",
        run: announcements::announcements,
        seeds: announcements::announcement_seeds,
        words: announcements::WORDS,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_accept_their_seeds_and_nothing_and_noise() {
        let mut random = crate::net::Random::new(1);
        for target in TARGETS {
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{} has no seeds", target.name);
            seeds.iter().for_each(|seed| (target.run)(seed));
            (target.run)(&[]);
            for len in 0..64 {
                let noise: Vec<u8> = (0..len).map(|_| random.bits() as u8).collect();
                (target.run)(&noise);
            }
        }
    }

    #[test]
    fn every_target_has_its_cargo_fuzz_program() {
        let manifest = include_str!("../../fuzz/Cargo.toml");
        for target in TARGETS {
            assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{} is not in tests/fuzz", target.name);
        }
    }
}
