//! Single frames of a stream that stands still, for a user who seeks while it is paused, or drags: PLAY from a position, and PAUSE as
//! soon as its first frame is there. Every JPEG frame stands alone, so any one can be asked for.
//!
//! The next frame is asked for when the one before has come and the stream stands again, and it is always the one that was wished for
//! last: a slow server is asked less often, and never more than one frame is on its way.

use std::time::Duration;

/// What is to be told to the client next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Stop where it is.
    Pause,
    /// Play from here.
    Play(Duration),
    /// Nothing more: the stream stands at the last frame that was wished for.
    Stand,
}

/// What a frame that has come is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// One like any other.
    Usual,
    /// The one at this position that was asked for.
    Wanted(Duration),
    /// One that was on its way before the stream stood still.
    Surplus,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    /// It plays, and was told to pause.
    Stopping,
    /// It was told to play from here, and no frame has come yet.
    Asked(Duration),
    /// A frame has come, and it was told to pause.
    Held,
}

/// The frames that are wished for, one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Glimpse {
    stage: Stage,
    next: Option<Duration>,
    /// Whether the server plays, as far as is known.
    flows: bool,
    /// Where the last frame is that was shown so: the server stands a little behind it.
    stands_at: Option<Duration>,
    /// The server refuses to pause, so that nothing can be shown of a stream that stands.
    unable: bool,
}

impl Glimpse {
    /// The frame at `to` is wished for. Returns what to do now, if there is anything.
    pub(crate) fn show(&mut self, to: Duration) -> Option<Step> {
        if self.unable {
            return None;
        }
        self.next = Some(to);
        match self.stage {
            Stage::Idle if self.flows => {
                self.stage = Stage::Stopping;
                Some(Step::Pause)
            }
            Stage::Idle => Some(self.advance()),
            Stage::Stopping | Stage::Asked(_) | Stage::Held => None,
        }
    }

    /// Whether frames are being asked for one by one.
    pub(crate) fn is_active(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// Where the stream is to go on that stands at a frame which was shown so; it does not any more.
    pub(crate) fn take_position(&mut self) -> Option<Duration> {
        self.stands_at.take()
    }

    /// Whether the stream stands at a frame that was shown so.
    pub(crate) fn stands(&self) -> bool {
        self.stands_at.is_some()
    }

    /// The server has been told to play, for good.
    pub(crate) fn handle_play(&mut self) {
        *self = Self { flows: true, unable: self.unable, ..Self::default() };
    }

    /// There is no session any more, or another one.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn handle_frame(&mut self) -> Seen {
        match self.stage {
            Stage::Idle => Seen::Usual,
            Stage::Asked(at) => {
                self.stage = Stage::Held;
                self.stands_at = Some(at);
                Seen::Wanted(at)
            }
            Stage::Stopping | Stage::Held => Seen::Surplus,
        }
    }

    /// The stream stands: it has paused, or come to its end. Returns what to do next; `None` where nobody has asked for frames.
    pub(crate) fn handle_stand(&mut self) -> Option<Step> {
        self.flows = false;
        match self.stage {
            Stage::Idle => None,
            Stage::Stopping | Stage::Asked(_) | Stage::Held => Some(self.advance()),
        }
    }

    /// The server refused to pause, or to play from there. `plays`: the stream was to play all the same, and plays on.
    pub(crate) fn handle_refusal(&mut self, of_pause: bool, plays: bool) {
        self.flows = of_pause || plays;
        self.unable |= of_pause;
        (self.stage, self.next, self.stands_at) = (Stage::Idle, None, None);
    }

    fn advance(&mut self) -> Step {
        match self.next.take() {
            Some(to) => {
                self.stage = Stage::Asked(to);
                self.flows = true;
                Step::Play(to)
            }
            None => {
                self.stage = Stage::Idle;
                Step::Stand
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_stream_that_stands_is_asked_for_one_frame_after_the_other_and_always_for_the_last_wish() {
        let mut glimpse = Glimpse::default();
        assert_eq!((glimpse.handle_frame(), glimpse.handle_stand()), (Seen::Usual, None));
        assert_eq!(glimpse.show(at(5)), Some(Step::Play(at(5))));
        assert_eq!((glimpse.show(at(6)), glimpse.show(at(7))), (None, None), "the first one is on its way");
        assert_eq!(glimpse.handle_frame(), Seen::Wanted(at(5)));
        assert_eq!(glimpse.handle_frame(), Seen::Surplus);
        assert_eq!(glimpse.handle_stand(), Some(Step::Play(at(7))));
        assert_eq!(glimpse.handle_frame(), Seen::Wanted(at(7)));
        assert_eq!(glimpse.handle_stand(), Some(Step::Stand));
        assert!(!glimpse.is_active() && glimpse.stands());
        assert_eq!((glimpse.take_position(), glimpse.take_position()), (Some(at(7)), None));
    }

    #[test]
    fn a_stream_that_plays_is_paused_first() {
        let mut glimpse = Glimpse::default();
        glimpse.handle_play();
        assert_eq!(glimpse.show(at(5)), Some(Step::Pause));
        assert_eq!(glimpse.handle_frame(), Seen::Surplus);
        assert_eq!(glimpse.handle_stand(), Some(Step::Play(at(5))));
        glimpse.handle_play();
        assert!(!glimpse.is_active() && !glimpse.stands(), "it plays on");
    }

    #[test]
    fn the_last_frame_may_be_followed_by_the_end_instead_of_a_pause() {
        let mut glimpse = Glimpse::default();
        glimpse.show(at(59));
        assert_eq!(glimpse.handle_frame(), Seen::Wanted(at(59)));
        assert_eq!(glimpse.handle_stand(), Some(Step::Stand));
        glimpse.show(at(60));
        assert_eq!(glimpse.handle_stand(), Some(Step::Stand), "there was no frame");
    }

    #[test]
    fn a_server_that_cannot_pause_is_not_asked() {
        let mut glimpse = Glimpse::default();
        glimpse.handle_play();
        glimpse.show(at(5));
        glimpse.handle_refusal(true, true);
        assert_eq!(glimpse.handle_frame(), Seen::Usual);
        assert_eq!(glimpse.show(at(6)), None);
        glimpse.reset();
        assert_eq!(glimpse.show(at(6)), Some(Step::Play(at(6))), "another session");
        glimpse.handle_refusal(false, false);
        assert!(!glimpse.is_active());
        assert_eq!(glimpse.show(at(7)), Some(Step::Play(at(7))), "it stands as before");
    }
}
