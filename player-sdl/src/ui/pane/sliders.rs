//! The bad network that is tried out, on sliders.

use crate::ui::view::milliseconds;
use mutoscope_std::client::Impairments;
use std::time::Duration;

/// Something that a bad network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evil {
    Loss,
    Duplication,
    Reordering,
    Delay,
    Jitter,
    Rate,
}

/// In thousandths.
const SHARES: &[u64] = &[0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000];
/// In milliseconds.
const TIMES: &[u64] = &[0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000];
/// In bits a second. The first one is no limit.
const RATES: &[u64] = &[
    0,
    100_000_000,
    50_000_000,
    20_000_000,
    10_000_000,
    8_000_000,
    6_000_000,
    5_000_000,
    4_000_000,
    3_000_000,
    2_000_000,
    1_500_000,
    1_000_000,
    500_000,
    250_000,
];

impl Evil {
    pub(crate) const ALL: [Self; 6] =
        [Self::Loss, Self::Duplication, Self::Reordering, Self::Delay, Self::Jitter, Self::Rate];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Loss => "Loss",
            Self::Duplication => "Duplication",
            Self::Reordering => "Reordering",
            Self::Delay => "Delay",
            Self::Jitter => "Jitter",
            Self::Rate => "Rate",
        }
    }

    /// What it does, and what is to be seen of it.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Loss => {
                "This share of the packets does not come. A picture of which one packet is missing is not shown, so that 1 % costs far more than 1 % of the pictures."
            }
            Self::Duplication => {
                "This share of the packets comes twice. The player sees by the sequence number that it has them already, and drops them."
            }
            Self::Reordering => {
                "This share of the packets comes 20 ms late, so that others overtake them. The player puts them in their place, and waits for them for a while."
            }
            Self::Delay => {
                "All packets come so much later. Nothing is lost and nothing is out of order: only the pictures are older."
            }
            Self::Jitter => {
                "Each packet comes up to so much later, by chance. Pictures would come unevenly; holding them back for a while (--buffer) evens that out."
            }
            Self::Rate => {
                "The line carries no more than this. What is too much waits, half a second at most, and is lost then: the delay grows first, and then pictures are missing."
            }
        }
    }

    const fn stops(self) -> &'static [u64] {
        match self {
            Self::Loss | Self::Duplication | Self::Reordering => SHARES,
            Self::Delay | Self::Jitter => TIMES,
            Self::Rate => RATES,
        }
    }

    fn get(self, of: &Impairments) -> u64 {
        match self {
            Self::Loss => of.loss.into(),
            Self::Duplication => of.duplication.into(),
            Self::Reordering => of.reordering.into(),
            Self::Delay => of.delay.as_millis() as u64,
            Self::Jitter => of.jitter.as_millis() as u64,
            Self::Rate => of.rate,
        }
    }

    fn set(self, of: &mut Impairments, value: u64) {
        match self {
            Self::Loss => of.loss = value as u16,
            Self::Duplication => of.duplication = value as u16,
            Self::Reordering => of.reordering = value as u16,
            Self::Delay => of.delay = Duration::from_millis(value),
            Self::Jitter => of.jitter = Duration::from_millis(value),
            Self::Rate => of.rate = value,
        }
    }

    fn shown(self, value: u64) -> String {
        match self {
            Self::Loss | Self::Duplication | Self::Reordering if value.is_multiple_of(10) => {
                format!("{} %", value / 10)
            }
            Self::Loss | Self::Duplication | Self::Reordering => format!("{:.1} %", value as f64 / 10.0),
            Self::Delay | Self::Jitter if value < 1000 => format!("{value} ms"),
            Self::Delay | Self::Jitter => milliseconds(value as f64),
            Self::Rate if value == 0 => "no limit".into(),
            Self::Rate => format!("{} Mbit/s", megabits(value)),
        }
    }
}

/// A number of megabits, without what does not count.
fn megabits(bits: u64) -> String {
    let text = format!("{:.2}", bits as f64 / 1e6);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How a slider looks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slider {
    pub(crate) evil: Evil,
    /// Where the knob is, from 0, which does nothing, to 1.
    pub(crate) part: f32,
    pub(crate) value: String,
    pub(crate) selected: bool,
}

/// Where the sliders stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sliders {
    pub(super) now: Impairments,
    pub(super) selected: usize,
}

impl Sliders {
    pub(super) fn new(start: Impairments) -> Self {
        Self { now: start, selected: 0 }
    }

    pub(super) fn evil(&self) -> Evil {
        Evil::ALL[self.selected.min(Evil::ALL.len() - 1)]
    }

    pub(super) fn shown(&self) -> Vec<Slider> {
        let shown = |(index, evil): (usize, Evil)| {
            let value = evil.get(&self.now);
            Slider { evil, part: part(evil, value), value: evil.shown(value), selected: index == self.selected }
        };
        Evil::ALL.into_iter().enumerate().map(shown).collect()
    }

    /// Moves the selected one to the next value, or the one before.
    pub(super) fn step(&mut self, up: bool) {
        let evil = self.evil();
        let (stops, at) = (evil.stops(), place(evil, evil.get(&self.now)));
        // From between two stops to one of them.
        let to = if up { at.floor() as usize + 1 } else { (at.ceil() as usize).saturating_sub(1) };
        evil.set(&mut self.now, stops[to.min(stops.len() - 1)]);
    }

    /// Moves the selected one to this part of its length.
    pub(super) fn drag(&mut self, part: f32) {
        let evil = self.evil();
        let stops = evil.stops();
        let at = (part.clamp(0.0, 1.0) * (stops.len() - 1) as f32).round() as usize;
        evil.set(&mut self.now, stops[at]);
    }

    /// Has the selected one do nothing.
    pub(super) fn reset(&mut self) {
        let evil = self.evil();
        evil.set(&mut self.now, 0);
    }

    /// Has none of them do anything.
    pub(super) fn reset_all(&mut self) {
        self.now = Impairments { seed: self.now.seed, ..Impairments::default() };
    }
}

/// Where a value lies among the stops: between two, if it is none of them.
fn place(evil: Evil, value: u64) -> f32 {
    let stops = evil.stops();
    if let Some(at) = stops.iter().position(|&stop| stop == value) {
        return at as f32;
    }
    let falls = evil == Evil::Rate;
    let beyond = |stop: u64| if falls { stop != 0 && stop < value } else { stop > value };
    let next = stops.iter().position(|&stop| beyond(stop));
    next.map_or((stops.len() - 1) as f32, |next| next as f32 - 0.5)
}

fn part(evil: Evil, value: u64) -> f32 {
    place(evil, value) / (evil.stops().len() - 1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(sliders: &Sliders) -> Vec<String> {
        sliders.shown().into_iter().map(|slider| slider.value).collect()
    }

    #[test]
    fn all_say_their_values_with_units_and_go_from_nothing_to_the_worst() {
        let mut sliders = Sliders::new(Impairments { seed: 1, ..Impairments::default() });
        assert_eq!(values(&sliders), ["0 %", "0 %", "0 %", "0 ms", "0 ms", "no limit"]);
        for selected in 0..6 {
            sliders.selected = selected;
            sliders.drag(1.5);
        }
        assert_eq!(values(&sliders), ["100 %", "100 %", "100 %", "1.0 s", "1.0 s", "0.25 Mbit/s"]);
        sliders.step(true);
        sliders.step(false);
        assert_eq!(sliders.now.rate, 500_000);
        sliders.reset();
        assert_eq!((sliders.now.rate, sliders.now.loss), (0, 1000));
        sliders.reset_all();
        assert_eq!(sliders.now, Impairments { seed: 1, ..Impairments::default() });
    }

    #[test]
    fn what_the_command_line_has_said_stands_between_two_stops_and_is_left_in_both_directions() {
        for (up, loss, rate) in [(true, 75, 2_000_000), (false, 50, 3_000_000)] {
            let mut sliders = Sliders::new(Impairments { loss: 60, rate: 2_500_000, ..Impairments::default() });
            assert_eq!((values(&sliders)[0].as_str(), values(&sliders)[5].as_str()), ("6 %", "2.5 Mbit/s"));
            sliders.step(up);
            sliders.selected = 5;
            sliders.step(up);
            assert_eq!((sliders.now.loss, sliders.now.rate), (loss, rate));
        }
        for evil in Evil::ALL {
            for value in [0, 1, 3, 77, 999, 1_234_567, u64::from(u32::MAX)] {
                assert!((0.0..=1.0).contains(&part(evil, value)), "{evil:?} {value}");
            }
            assert!(evil.text().len() <= 200, "{evil:?}");
        }
    }
}
