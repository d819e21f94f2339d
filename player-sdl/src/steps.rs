//! What the user can do next where a stream is not played: the buttons of the notices.

use crate::model::{Model, Phase};
use crate::wording::Cause;
use mutoscope_std::client::Transport;
use std::time::Duration;

/// Something to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Play,
    PlayAgain,
    TryAgain,
    TryNow,
    /// Answer the question that was not answered.
    LogIn,
    AskAgain,
    /// Ask for another way for media to travel than the command line does.
    UseTcp,
    UseUdp,
    Cancel,
    /// Go to the start page.
    OtherAddress,
    /// Leave the window, or go back to where the stream was chosen.
    Leave,
}

impl Step {
    pub(crate) const ALL: [Self; 11] = [
        Self::Play,
        Self::PlayAgain,
        Self::TryAgain,
        Self::TryNow,
        Self::LogIn,
        Self::AskAgain,
        Self::UseTcp,
        Self::UseUdp,
        Self::Cancel,
        Self::OtherAddress,
        Self::Leave,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Play => "Play",
            Self::PlayAgain => "Play again",
            Self::TryAgain => "Try again",
            Self::TryNow => "Try now",
            Self::LogIn => "Log in…",
            Self::AskAgain => "Look again…",
            Self::UseTcp => "Use TCP",
            Self::UseUdp => "Use UDP",
            Self::Cancel => "Cancel",
            Self::OtherAddress => "Other address",
            Self::Leave => "Leave",
        }
    }

    /// The name for programs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Play => "step_play",
            Self::PlayAgain => "step_play_again",
            Self::TryAgain => "step_try_again",
            Self::TryNow => "step_try_now",
            Self::LogIn => "step_log_in",
            Self::AskAgain => "step_ask_again",
            Self::UseTcp => "step_use_tcp",
            Self::UseUdp => "step_use_udp",
            Self::Cancel => "step_cancel",
            Self::OtherAddress => "step_other_address",
            Self::Leave => "step_leave",
        }
    }
}

/// How long something has to take before there is a button that ends it: what takes shorter would only flash.
const PATIENCE: Duration = Duration::from_millis(800);

/// Returns what can be done in the present state, the most sensible first. `since`: how long the state has lasted. `transport`: what
/// the command line wants.
pub(crate) fn steps(model: &Model, since: Duration, transport: Transport) -> Vec<Step> {
    match &model.phase {
        Phase::Idle => vec![Step::Play, Step::OtherAddress],
        Phase::Connecting | Phase::Buffering if since >= PATIENCE => vec![Step::Cancel],
        Phase::Ready => vec![Step::Play],
        Phase::Ended => vec![Step::PlayAgain, Step::OtherAddress],
        Phase::Reconnecting { .. } => vec![Step::TryNow, Step::OtherAddress],
        Phase::Failed { cause, .. } => after(*cause, transport),
        // A dialog has buttons of its own.
        Phase::Connecting | Phase::Buffering | Phase::Playing | Phase::Paused | Phase::Asking(_) => Vec::new(),
    }
}

/// Returns what can be done about a failure.
fn after(cause: Cause, transport: Transport) -> Vec<Step> {
    let first = match (cause, transport) {
        (Cause::NotFound | Cause::NotRtsp, _) => return vec![Step::OtherAddress, Step::TryAgain],
        (Cause::Unsendable | Cause::NotJpeg, _) => return vec![Step::OtherAddress, Step::Leave],
        (Cause::Unanswered, _) => Step::LogIn,
        (Cause::Untrusted, _) => Step::AskAgain,
        (Cause::Transport | Cause::NothingArrived, Transport::Udp) => Step::UseTcp,
        (Cause::Transport | Cause::NothingArrived, Transport::Tcp) => Step::UseUdp,
        _ => Step::TryAgain,
    };
    vec![first, Step::OtherAddress]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Report;
    use std::time::Instant;

    const CAUSES: [Cause; 14] = [
        Cause::UnknownHost,
        Cause::NoListener,
        Cause::Unreachable,
        Cause::NotFound,
        Cause::Unsendable,
        Cause::Full,
        Cause::Transport,
        Cause::NotRtsp,
        Cause::NotJpeg,
        Cause::NothingArrived,
        Cause::Unanswered,
        Cause::Untrusted,
        Cause::Unauthorized,
        Cause::Other,
    ];

    #[test]
    fn each_failure_has_a_next_step_and_all_lead_to_another_address() {
        for cause in CAUSES {
            for transport in [Transport::Auto, Transport::Udp, Transport::Tcp] {
                let steps = after(cause, transport);
                assert!((1..=2).contains(&steps.len()) && steps.contains(&Step::OtherAddress), "{cause:?}: {steps:?}");
            }
        }
        assert_eq!(after(Cause::NothingArrived, Transport::Udp)[0], Step::UseTcp);
        assert_eq!(after(Cause::Unanswered, Transport::Auto)[0], Step::LogIn);
    }

    #[test]
    fn what_takes_long_can_be_cancelled_and_what_is_short_does_not_flash() {
        let mut model = Model::new();
        let steps = |model: &Model, ms| super::steps(model, Duration::from_millis(ms), Transport::Auto);
        assert_eq!(steps(&model, 0)[0], Step::Play);
        model.start(None);
        assert_eq!((steps(&model, 100), steps(&model, 900)), (vec![], vec![Step::Cancel]));
        model.handle_report(Report::Ended, Instant::now());
        assert_eq!(steps(&model, 0), [Step::PlayAgain, Step::OtherAddress]);
    }

    #[test]
    fn names_are_different() {
        for (at, step) in Step::ALL.into_iter().enumerate() {
            assert!(
                Step::ALL.iter().take(at).all(|other| other.name() != step.name() && other.label() != step.label())
            );
        }
    }
}
