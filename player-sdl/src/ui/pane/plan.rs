//! Where the parts of the pane are.

use super::sliders::Evil;
use crate::ui::canvas::Rect;
use crate::ui::layout::scaled;

/// What the pane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    /// The dialogue.
    #[default]
    Rtsp,
    /// The last packets.
    Rtp,
    /// Reports.
    Rtcp,
    /// The bad network.
    Network,
}

impl Tab {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Rtsp => "RTSP",
            Self::Rtp => "RTP",
            Self::Rtcp => "RTCP",
            Self::Network => "Network",
        }
    }

    /// Whether it has plots.
    pub(crate) const fn has_plots(self) -> bool {
        matches!(self, Self::Rtp | Self::Network)
    }
}

/// A part of the pane that can be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Tab(Tab),
    Copy,
    Save,
    Close,
    /// Show what comes again, after something was looked at that stands.
    Follow,
    /// Have the network do nothing bad.
    Reset,
}

impl Part {
    pub(crate) const ALL: [Self; 9] = [
        Self::Tab(Tab::Rtsp),
        Self::Tab(Tab::Rtp),
        Self::Tab(Tab::Rtcp),
        Self::Tab(Tab::Network),
        Self::Copy,
        Self::Save,
        Self::Close,
        Self::Follow,
        Self::Reset,
    ];

    /// The name for programs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tab(Tab::Rtsp) => "pane_rtsp",
            Self::Tab(Tab::Rtp) => "pane_rtp",
            Self::Tab(Tab::Rtcp) => "pane_rtcp",
            Self::Tab(Tab::Network) => "pane_network",
            Self::Copy => "pane_copy",
            Self::Save => "pane_save",
            Self::Close => "pane_close",
            Self::Follow => "pane_follow",
            Self::Reset => "pane_reset",
        }
    }

    /// What is told of it where the mouse rests on it.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::Tab(Tab::Rtsp) => "Requests and answers",
            Self::Tab(Tab::Rtp) => "Packets of media",
            Self::Tab(Tab::Rtcp) => "Reports",
            Self::Tab(Tab::Network) => "A bad network (N)",
            Self::Copy => "Copy as text (Ctrl-C)",
            Self::Save => "Save as text (Ctrl-S)",
            Self::Close => "Close (D)",
            Self::Follow => "Show what comes",
            Self::Reset => "Nothing bad any more",
        }
    }
}

/// The pane takes all of the picture's place in windows that are narrower than this.
const NARROW: i32 = 640;
/// How wide it is beside the picture: at least, and at most.
const WIDTH: (i32, i32) = (312, 520);
const BAR: i32 = 34;
const TITLES: i32 = 22;
pub(super) const ROW: i32 = 19;
const SLIDER: i32 = 27;
/// A heading, and what is below it.
const PLOTS: [(i32, i32); 2] = [(15, 44), (15, 38)];
const PLOT_GAP: i32 = 7;
const EXPLANATION: i32 = 124;
/// Rows that have to be seen before there is room for anything else.
const LEAST_ROWS: i32 = 5;
pub(super) const PADDING: i32 = 8;

/// Returns how wide the pane is in a window of this width; all of it, where there is no room for a picture beside it.
pub(crate) fn width(window: i32, scale: f32) -> i32 {
    let px = |length| scaled(length, scale);
    if window < px(NARROW) { window } else { (window * 2 / 5).clamp(px(WIDTH.0), px(WIDTH.1)) }
}

/// The places of the pane's parts, in pixels of the window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) rect: Rect,
    pub(crate) tab: Tab,
    /// In the order of [`Part::ALL`].
    pub(crate) parts: [Rect; Part::ALL.len()],
    /// The names of the list's columns.
    pub(crate) titles: Rect,
    /// Sequence numbers, and jitter; empty where there is no room.
    pub(crate) plots: [Rect; 2],
    pub(crate) list: Rect,
    /// How high a row of the list is.
    pub(crate) row: i32,
    /// What explains the selected row. Where there is no room below the list, it covers the pane.
    pub(crate) explanation: Rect,
    pub(crate) is_explanation_over: bool,
}

impl Plan {
    /// Arranges a pane in this part of a window. `follows`: whether the list shows what comes.
    pub(crate) fn new(rect: Rect, scale: f32, tab: Tab, follows: bool) -> Self {
        let px = |length: i32| scaled(length, scale);
        let padding = px(PADDING);
        let bar = Rect { h: px(BAR).min(rect.h), ..rect };
        let (mut parts, side) = ([Rect::default(); Part::ALL.len()], px(28).min(bar.h));
        let mut x = bar.x + padding / 2;
        for (index, width) in [48, 42, 48, 68].into_iter().enumerate() {
            parts[index] = Rect::new(x, bar.y, px(width), bar.h);
            x += px(width);
        }
        for (index, part) in parts.iter_mut().enumerate().skip(4).take(3) {
            let from_right = 7 - index as i32;
            *part = Rect::new(bar.right() - padding / 2 - from_right * side, bar.y + (bar.h - side) / 2, side, side);
        }
        let row = px(if tab == Tab::Network { SLIDER } else { ROW });
        let mut rest = Rect { y: bar.bottom(), h: (rect.h - bar.h).max(0), ..rect };
        let mut titles = Rect { h: px(TITLES).min(rest.h), ..rest };
        rest = below(rest, titles.h);
        let rows = if tab == Tab::Network { Evil::ALL.len() as i32 } else { LEAST_ROWS };
        let explanation = px(EXPLANATION);
        let is_explanation_over = rest.h < rows * row + explanation;
        let below_list = if is_explanation_over { 0 } else { explanation };
        let height =
            PLOTS.iter().map(|(heading, plot)| px(*heading) + px(*plot) + px(PLOT_GAP)).sum::<i32>() + px(PLOT_GAP);
        let has_plots = tab.has_plots() && rest.h >= rows * row + below_list + height;
        let mut plots = [Rect::default(); 2];
        if has_plots {
            let mut y = bar.bottom() + px(PLOT_GAP);
            for (plot, (heading, length)) in plots.iter_mut().zip(PLOTS) {
                *plot = Rect::new(rest.x + padding, y, rest.w - 2 * padding, px(heading) + px(length));
                y = plot.bottom() + px(PLOT_GAP);
            }
        }
        // The network's plots stand below its sliders, for which they are there.
        let plots_height = if has_plots { height } else { 0 };
        let list = match tab {
            Tab::Network => Rect { h: rest.h.min(rows * row), ..rest },
            _ => Rect { y: rest.y + plots_height, h: (rest.h - plots_height - below_list).max(0), ..rest },
        };
        if tab == Tab::Network {
            plots.iter_mut().filter(|plot| !plot.is_empty()).for_each(|plot| plot.y += titles.h + list.h);
        } else {
            titles.y += plots_height;
        }
        let button = Rect::new(titles.right() - padding - px(56), titles.y + px(2), px(56), titles.h - px(4));
        parts[7] = if tab == Tab::Network || follows { Rect::default() } else { button };
        parts[8] = if tab == Tab::Network { button } else { Rect::default() };
        let explanation =
            if is_explanation_over { rect } else { Rect { y: rect.bottom() - explanation, h: explanation, ..rest } };
        Self { rect, tab, parts, titles, plots, list, row, explanation, is_explanation_over }
    }

    /// How many rows the list shows.
    pub(crate) fn rows(&self) -> usize {
        (self.list.h / self.row.max(1)).max(0) as usize
    }

    /// The row of the list at a point.
    pub(super) fn row_at(&self, x: i32, y: i32) -> Option<usize> {
        let row = ((y - self.list.y) / self.row.max(1)) as usize;
        (self.list.contains(x, y) && row < self.rows()).then_some(row)
    }

    /// The line on which the knob of a slider moves, in this row.
    pub(super) fn track(&self, row: usize, scale: f32) -> Rect {
        let px = |length: i32| scaled(length, scale);
        let (left, right) = (px(PADDING + 84), px(PADDING + 74));
        Rect::new(
            self.list.x + left,
            self.list.y + row as i32 * self.row,
            (self.list.w - left - right).max(1),
            self.row,
        )
    }
}

fn below(rest: Rect, height: i32) -> Rect {
    Rect { y: rest.y + height, h: rest.h - height, ..rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABS: [Tab; 4] = [Tab::Rtsp, Tab::Rtp, Tab::Rtcp, Tab::Network];

    fn within(inner: Rect, outer: Rect) -> bool {
        inner.x >= outer.x && inner.y >= outer.y && inner.right() <= outer.right() && inner.bottom() <= outer.bottom()
    }

    #[test]
    fn nothing_overlaps_and_nothing_is_outside_in_any_pane() {
        for (w, h) in [(312, 478), (320, 120), (320, 400), (520, 760), (360, 200), (312, 90), (500, 2000)] {
            for scale in [1.0, 1.5, 2.0] {
                for (tab, follows) in TABS.into_iter().flat_map(|tab| [(tab, true), (tab, false)]) {
                    let rect = Rect::new(scaled(100, scale), scaled(44, scale), scaled(w, scale), scaled(h, scale));
                    let plan = Plan::new(rect, scale, tab, follows);
                    let name = format!("{w} x {h} at {scale}, {tab:?}: {plan:?}");
                    let mut all: Vec<Rect> = plan.parts.to_vec();
                    all.extend(plan.plots);
                    all.push(plan.list);
                    if !plan.is_explanation_over {
                        all.push(plan.explanation);
                    }
                    all.retain(|rect| !rect.is_empty());
                    for (at, one) in all.iter().enumerate() {
                        assert!(within(*one, rect), "{one:?} in {name}");
                        let apart = |other: &Rect| !crate::ui::places::overlaps(*one, *other);
                        assert!(all.iter().skip(at + 1).all(apart), "{one:?} in {name}");
                    }
                    assert!(plan.rows() >= 1 && plan.track(0, scale).w >= scaled(100, scale), "{name}");
                }
            }
        }
    }

    #[test]
    fn it_stands_beside_the_picture_where_there_is_room_and_over_it_where_there_is_none() {
        assert_eq!([320, 639, 640, 1000, 1600, 3840].map(|window| width(window, 1.0)), [320, 639, 312, 400, 520, 520]);
        assert_eq!([640, 1280, 3200].map(|window| width(window, 2.0)), [640, 624, 1040]);
        let tall = Plan::new(Rect::new(0, 0, 312, 478), 1.0, Tab::Rtp, true);
        assert!(!tall.plots[0].is_empty() && !tall.is_explanation_over);
        let low = Plan::new(Rect::new(0, 0, 320, 120), 1.0, Tab::Rtp, true);
        assert!(low.plots[0].is_empty() && low.is_explanation_over);
        assert_eq!((tall.row_at(5, tall.list.y + 20), tall.row_at(5, tall.list.y - 1)), (Some(1), None));
    }
}
