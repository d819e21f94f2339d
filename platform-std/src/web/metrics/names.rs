//! What is measured: names, kinds and meanings.

use super::text::Kind::{Counter, Gauge, Histogram};
use super::text::{Kind, Metric};

const fn metric(name: &'static str, kind: Kind, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident, $help:literal;)*) => {
        $(pub(super) const $constant: Metric = metric(concat!("mutoscope_", $name), $kind, $help);)*

        /// All of them.
        #[cfg(test)]
        pub(super) const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    BUILD = "build_info", Gauge, "Always 1; the label tells the version.";
    START = "start_time_seconds", Gauge, "When the server began, in seconds since 1970.";
    PLACES = "places_taken", Gauge, "Clients that are served, by RTSP and HTTP.";
    MOST_PLACES = "places_limit", Gauge, "Most clients that are served at once.";
    CONNECTIONS_REFUSED = "connections_refused_total", Counter, "Connections that were refused before they could ask for anything.";
    REQUESTS_REFUSED = "requests_refused_total", Counter, "Requests that were refused to those who made them.";
    HTTP_SENT = "http_sent_bytes_total", Counter, "Bytes of streams that were sent by HTTP.";
    HTTP_REFUSED = "http_viewers_refused_total", Counter, "Viewers by HTTP for whom there was no room.";
    VIEWERS = "viewers", Gauge, "Viewers that have a stream, playing or not.";
    PLAYING = "playing_viewers", Gauge, "Viewers by RTSP that do not pause.";
    SENT_FRAMES = "sent_frames_total", Counter, "Frames that were sent whole, counted for each viewer.";
    SKIPPED = "skipped_frames_total", Counter, "Frames that were left out for single viewers.";
    LOST = "lost_packets_total", Counter, "Packets that viewers have reported as lost.";
    REPORTING = "reporting_viewers", Gauge, "Viewers that have sent receiver reports.";
    LOSS = "loss_mean_ratio", Gauge, "Part of the packets that was lost, as the last reports say, in the mean of those who report.";
    MOST_LOSS = "loss_max_ratio", Gauge, "Part of the packets that was lost, of the viewer with the most.";
    JITTER = "jitter_mean_seconds", Gauge, "Interarrival jitter, in the mean of those who report.";
    MOST_JITTER = "jitter_max_seconds", Gauge, "Interarrival jitter of the viewer with the most.";
    LOSSES = "loss_ratio", Histogram, "Part of the packets that was lost, as each report says.";
    JITTERS = "jitter_seconds", Histogram, "Interarrival jitter, as each report says.";
    ROUND_TRIPS = "round_trip_seconds", Histogram, "Time to viewers and back, by each report.";
    ROUND_TRIP = "round_trip_mean_seconds", Gauge, "Time to viewers and back, in the mean of those who report.";
    MOST_ROUND_TRIP = "round_trip_max_seconds", Gauge, "Time to the farthest viewer and back.";
    PUBLISHERS = "publishers", Gauge, "Clients that publish by RTSP.";
    RTSP_SENT = "rtsp_sent_bytes_total", Counter, "Bytes that were sent by RTSP and RTP.";
    LOOPS = "event_loops", Gauge, "Threads that serve RTSP.";
    MISSING = "event_loops_missing", Gauge, "Those of them that did not answer within a second; what they said last is counted.";
    FULL = "event_loops_full", Gauge, "Those of them that refuse new viewers, for want of processor time or bandwidth.";
    LAG = "event_loop_lag_seconds", Histogram, "How long what was due had to wait.";
    NODES = "cluster_nodes", Gauge, "Machines of the cluster whose streams are there, and this one.";
    STREAMS = "streams", Gauge, "Streams, whether they have pictures or not.";
    STREAMS_UP = "streams_up", Gauge, "Those of them that have pictures.";
    UP = "stream_up", Gauge, "Whether a stream has pictures now.";
    IDLE = "stream_idle", Gauge, "Whether a stream only waits for its first viewer.";
    AGE = "stream_age_seconds", Gauge, "Age of the newest picture of a live stream.";
    INPUT_LOSS = "stream_input_loss_ratio", Gauge, "Part of a stream's packets that was lost on the way to the server lately.";
    STREAM_VIEWERS = "stream_viewers", Gauge, "Who watches a stream, or waits for its first picture.";
    FRAMES = "stream_frames_total", Counter, "Pictures that came to a live stream and were shown.";
    BYTES = "stream_bytes_total", Counter, "Bytes of these pictures.";
    MENDED = "stream_mended_frames_total", Counter, "Pictures of a live stream that were damaged and were mended.";
    RECORDING = "recording_running", Gauge, "Whether a stream that is recorded is; 0: the disk takes no pictures.";
    RECORDED = "recording_frames_total", Counter, "Pictures of a stream that were recorded.";
    RECORDED_BYTES = "recording_bytes_total", Counter, "Bytes of these pictures.";
    UNRECORDED = "recording_dropped_frames_total", Counter, "Pictures that are missing in a recording: the disk took none, or was too slow.";
    LEFT_OUT = "stream_left_out_frames_total", Counter, "Pictures that came to a live stream and were left out for all; unsendable: for those who watch by RTP.";
}
