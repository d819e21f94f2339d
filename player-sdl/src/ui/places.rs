//! Where the parts lie that cover the picture: none covers another one, and the statistics leave half of the picture free.

use super::canvas::Rect;
use super::dialog;
use super::layout::Layout;
use super::overlay::{self, Help, StatisticsPlan};
use super::view::{Notice, Scene};
use super::widgets::{self, Pen, notice::ArrangedNotice};

/// The places of what lies over the picture, and how it uses them. Where there is no room for a part, its place is empty.
pub(super) struct Places {
    pub(super) notice: (Option<ArrangedNotice>, Rect),
    pub(super) toast: Rect,
    pub(super) bubble: Rect,
    pub(super) statistics: (Option<StatisticsPlan>, Rect),
    pub(super) help: Rect,
    pub(super) dialog: (Option<dialog::Plan>, Rect),
}

/// Only where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) notice: Rect,
    pub(super) toast: Rect,
    pub(super) bubble: Rect,
    pub(super) statistics: Rect,
    pub(super) help: Rect,
}

impl Placed {
    pub(super) fn named(self) -> [(&'static str, Rect); 5] {
        let Self { notice, toast, bubble, statistics, help } = self;
        [("notice", notice), ("toast", toast), ("bubble", bubble), ("statistics", statistics), ("help", help)]
    }
}

/// What a notice takes at least, with text and without it.
const NOTICE: (i32, i32) = (240, 110);
const SIGN: (i32, i32) = (80, 80);
/// The distance of overlays from edges and from each other.
const GAP: i32 = 12;

impl Places {
    pub(super) fn new(pen: &mut Pen<'_>, scene: &Scene, layout: &Layout, over_picture: bool) -> Self {
        let (gap, stage) = (layout.px(GAP), layout.stage);
        let room = stage.shrunk(gap);
        let covered = scene.help || scene.dialog.is_some();
        let bubble = scene.bubble.as_ref().map_or_else(Rect::default, |bubble| {
            let size = widgets::bubble_size(pen, &bubble.text);
            above_or_below(bubble.about, size, layout)
        });
        let toast_size = match &scene.toast {
            Some(toast) if !covered => widgets::toast_size(pen, toast, room.w),
            _ => (0, 0),
        };
        let mut toast = Rect { y: room.bottom() - toast_size.1, h: toast_size.1, ..room.centred(toast_size.0, 0) };
        if overlaps(toast, bubble) {
            toast.y = bubble.y - gap / 2 - toast.h;
        }
        // The rest of the room is above the short message.
        let below = if toast.is_empty() { room.bottom() } else { toast.y - gap };
        let room = Rect { h: (below - room.y).max(0), ..room };
        let statistics = scene.statistics.as_ref().filter(|_| !covered);
        let plan = statistics.and_then(|view| overlay::arrange_statistics(pen, view, room));
        let panel = plan.map_or_else(Rect::default, |plan| Rect::new(room.x, room.y, plan.size.0, plan.size.1));
        let notice = scene.notice.as_ref().filter(|_| !covered);
        let (area, free) = match notice {
            Some(notice) => beside(
                panel,
                if toast.is_empty() { stage } else { Rect { h: below - stage.y, ..stage } },
                notice,
                layout,
            ),
            None => (stage, true),
        };
        let (plan, panel) = if free { (plan, panel) } else { (None, Rect::default()) };
        let notice = notice.map(|notice| widgets::notice::arrange(pen, notice, area, over_picture));
        let notice_size = notice.as_ref().map_or((0, 0), |notice| notice.size);

        let help =
            if scene.help && scene.dialog.is_none() { overlay::help_size(pen, Help::of(layout)) } else { (0, 0) };
        // In a small window the help also covers the controls, because half of the help would be of no use.
        let window = layout.window.shrunk(layout.px(8));
        let dialog = scene.dialog.as_ref().map(|view| dialog::arrange(pen, view, window));
        let dialog_size = dialog.as_ref().map_or((0, 0), |plan| plan.size);
        // In the middle of the picture, where it fits there.
        let around = |height: i32| if height <= stage.h - 2 * gap { stage } else { layout.window };
        Self {
            notice: (notice, area.centred(notice_size.0, notice_size.1)),
            toast,
            bubble,
            statistics: (plan, panel),
            help: around(help.1).centred(help.0.min(layout.window.w), help.1.min(layout.window.h)),
            dialog: (dialog, around(dialog_size.1).centred(dialog_size.0, dialog_size.1)),
        }
    }
}

impl Places {
    pub(super) fn placed(&self) -> Placed {
        let Self { notice, toast, bubble, statistics, help, .. } = self;
        Placed { notice: notice.1, toast: *toast, bubble: *bubble, statistics: statistics.1, help: *help }
    }
}

/// Returns the area for a notice beside the statistics, or below them. `false`: there is none, so that the statistics have to go.
fn beside(panel: Rect, stage: Rect, notice: &Notice, layout: &Layout) -> (Rect, bool) {
    let least = if notice.dims() { NOTICE } else { SIGN };
    let (width, height) = (layout.px(least.0), layout.px(least.1));
    if panel.is_empty() {
        return (stage, true);
    }
    let (x, y) = (panel.right() + layout.px(GAP), panel.bottom() + layout.px(GAP));
    let right = Rect { x, w: stage.right() - x, ..stage };
    let lower = Rect { y, h: stage.bottom() - y, ..stage };
    if right.w >= width && stage.h >= height {
        (right, true)
    } else if lower.h >= height {
        (lower, true)
    } else {
        (stage, false)
    }
}

/// Returns the place of a bubble above the middle of what it is about, or below it, where there is no room above.
fn above_or_below(about: Rect, (width, height): (i32, i32), layout: &Layout) -> Rect {
    let (gap, edge) = (layout.px(4), layout.px(4));
    let x = about.x + (about.w - width) / 2;
    let x = x.min(layout.window.w - edge - width).max(edge);
    let above = about.y - gap - height;
    let y = if above >= 0 { above } else { about.bottom() + gap };
    Rect::new(x, y, width, height)
}

pub(super) fn overlaps(a: Rect, b: Rect) -> bool {
    !a.is_empty() && !b.is_empty() && a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}
