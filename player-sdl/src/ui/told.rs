//! What programs that test the window are told of it (`--ui-log`): a line of JSON when something that is shown has changed.

use super::canvas::Rect;
use super::dialog::{self, Dialog};
use super::layout::{Control, Layout};
use super::pane;
use super::places::Placed;
use super::start;
use super::view::{Notice, Progress, Scene};
use super::wall::tile::Tile;
use crate::json::{JsonLine, Output};
use crate::model::{Button, Model, Phase};
use crate::steps::Step;
use std::rc::Rc;

/// What was told last.
#[derive(Default)]
pub(super) struct Told {
    notice: Option<Notice>,
    faded: bool,
    toast: Option<String>,
    bubble: Option<String>,
    focus: Option<Control>,
    knob: Option<i32>,
    placed: Placed,
    steps: Vec<(Step, Rect)>,
    page: Option<start::Told>,
    dialog: (&'static str, Vec<(dialog::Part, Rect)>),
    tiles: Vec<Tile>,
    pane: Option<Rc<pane::View>>,
}

fn ints(rect: Rect) -> [i32; 4] {
    [rect.x, rect.y, rect.w, rect.h]
}

impl Told {
    /// Tells what is new in a scene, and where its parts lie.
    pub(super) fn tell(
        &mut self,
        output: &Output,
        scene: &Scene,
        (placed, layout): (Placed, &Layout),
        focus: Option<Control>,
    ) {
        if self.steps != layout.steps {
            let steps = layout.steps.iter();
            let line = steps.fold(JsonLine::new("steps"), |line, (step, rect)| line.ints(step.name(), &ints(*rect)));
            output.print(line);
            self.steps.clone_from(&layout.steps);
        }
        let still = |notice: &Notice| notice.title.clone() + &notice.detail;
        if self.notice.as_ref().map(still) != scene.notice.as_ref().map(still) {
            let text = |part: fn(&Notice) -> &String| scene.notice.as_ref().map_or("", |notice| part(notice));
            let line = JsonLine::new("notice").text("title", text(|notice| &notice.title));
            output.print(line.text("detail", text(|notice| &notice.detail)).text("hint", text(|notice| &notice.hint)));
            self.notice.clone_from(&scene.notice);
        }
        let faded = scene.notice.is_some() && scene.notice_alpha == 0;
        if std::mem::replace(&mut self.faded, faded) != faded {
            output.print(JsonLine::new("sign").bool("faded", faded));
        }
        if self.toast != scene.toast {
            output.print(JsonLine::new("toast").text("text", scene.toast.as_deref().unwrap_or("")));
            self.toast.clone_from(&scene.toast);
        }
        if self.placed != placed {
            let mut line = JsonLine::new("overlays");
            for (name, rect) in placed.named() {
                line = line.ints(name, &ints(rect));
            }
            output.print(line);
            self.placed = placed;
        }
        let bubble = scene.bubble.as_ref().map(|bubble| bubble.text.clone());
        let knob = match &scene.progress {
            Progress::Length { filled, pointed: true, .. } => Some(*filled),
            _ => None,
        };
        if self.bubble != bubble || self.knob != knob {
            let mut line = JsonLine::new("bubble").text("text", bubble.as_deref().unwrap_or(""));
            line = line.ints("place", &ints(placed.bubble));
            if let (Some(filled), Progress::Length { position, .. }) = (knob, &scene.progress) {
                line = line.int("knob", filled).text("elapsed", position);
            }
            output.print(line);
            (self.bubble, self.knob) = (bubble, knob);
        }
        if self.focus != focus {
            output.print(JsonLine::new("focus").text("control", &focus.map_or_else(|| "none".into(), name)));
            self.focus = focus;
        }
    }

    /// Tells what is new in the tiles of a wall, each where lines about its stream go.
    pub(super) fn tell_tiles<'o>(&mut self, tiles: &[Tile], outputs: impl Iterator<Item = &'o Output>) {
        // A countdown and a spinner are nothing new.
        let words = |tile: &Tile| {
            let notice = tile.notice.as_ref().map(|notice| (notice.title.clone(), notice.detail.clone()));
            (notice, tile.label.sign, tile.label.recording)
        };
        for ((index, tile), output) in tiles.iter().enumerate().zip(outputs) {
            if self.tiles.get(index).map(words) != Some(words(tile)) {
                let text = |part: fn(&Notice) -> &String| tile.notice.as_ref().map_or("", |notice| part(notice));
                let line = JsonLine::new("tile").int("tile", index as i128 + 1).text("name", &tile.label.name);
                let line =
                    line.text("sign", &format!("{:?}", tile.label.sign)).text("title", text(|notice| &notice.title));
                output.print(
                    line.text("detail", text(|notice| &notice.detail)).text("hint", text(|notice| &notice.hint)),
                );
            }
        }
        self.tiles = tiles.to_vec();
    }

    /// Tells where the parts of the start page are, but nothing of what is typed.
    pub(super) fn tell_page(&mut self, output: &Output, page: Option<start::Told>) {
        if self.page == page {
            return;
        }
        let mut line = JsonLine::new("start").bool("open", page.is_some());
        if let Some(page) = &page {
            line = line.text("focus", &page.focus).text("complaint", &page.complaint).text("network", &page.network);
            line = line.int("typed", page.typed as i64).text("titles", &page.titles.join(" | "));
            for (part, rect) in &page.parts {
                line = line.ints(&part.name(), &ints(*rect));
            }
        }
        output.print(line);
        self.page = page;
    }

    /// Tells what the pane shows: its tab, how many rows there are, where those are that are shown, which one is selected, and what is
    /// told of it; and where the sliders stand.
    pub(super) fn tell_pane(&mut self, output: &Output, view: Option<&Rc<pane::View>>) {
        if self.pane.as_ref() == view {
            return;
        }
        self.pane = view.cloned();
        let Some(view) = view else {
            output.print(JsonLine::new("pane").bool("open", false));
            return;
        };
        let mut line = JsonLine::new("pane").bool("open", true).text("tab", view.plan.tab.label());
        line = line.ints("place", &ints(view.plan.rect)).ints("list", &ints(view.plan.list)).int("row", view.plan.row);
        line = line.int("first", view.scroll.first as i128).int("total", view.scroll.total as i128);
        line = line.bool("plots", view.plots.is_some());
        let explained = view.explained.as_ref();
        line = line.text("title", explained.map_or("", |explained| &explained.title));
        line = line.text("section", explained.map_or("", |explained| &explained.section));
        for slider in &view.sliders {
            line = line.text(slider.evil.name(), &slider.value);
        }
        output.print(line);
    }

    /// Tells which dialog is open and where its parts are, but nothing of what is typed.
    pub(super) fn tell_dialog(&mut self, output: &Output, dialog: Option<&Dialog>, parts: &[(dialog::Part, Rect)]) {
        let kind = dialog.map_or("none", Dialog::kind);
        if self.dialog.1 == parts && (self.dialog.0 == kind || parts.is_empty()) {
            return;
        }
        self.dialog = (kind, parts.to_vec());
        let mut line = JsonLine::new("dialog").text("kind", kind);
        for (part, rect) in parts {
            line = line.ints(&format!("{part:?}").to_lowercase(), &ints(*rect));
        }
        output.print(line);
    }
}

fn name(control: Control) -> String {
    match control {
        Control::Step(step) => step.name().into(),
        Control::Button(button) => button.label().to_lowercase(),
        Control::Tool(tool) => tool.name().into(),
        Control::Tile(tile) => format!("tile{}", tile + 1),
        Control::Pane(part) => part.name().into(),
    }
}

/// Returns a line about the phase: why it is so, and what can be pressed.
pub(super) fn phase(model: &Model) -> JsonLine {
    let reason = match &model.phase {
        Phase::Reconnecting { reason, .. } | Phase::Failed { reason, .. } => reason.as_str(),
        Phase::Asking(asked) => asked.reason.as_str(),
        _ => "",
    };
    let mut line = JsonLine::new("phase").text("phase", model.phase.name()).text("reason", reason);
    for button in Button::ALL {
        line = line.bool(&button.label().to_lowercase(), model.is_enabled(button));
    }
    line
}

/// Returns a line about where the parts of the window are. `picture` is the shown one's width and height.
pub(super) fn layout(layout: &Layout, picture: Option<(usize, usize)>) -> JsonLine {
    let mut line = JsonLine::new("layout")
        .ints("window", &ints(layout.window))
        .ints("header", &ints(layout.header))
        .ints("video", &ints(layout.video))
        .ints("track", &ints(layout.track))
        .ints("status", &ints(layout.status))
        .int("entries", layout.entries.len() as i32)
        .number("scale", f64::from(layout.scale));
    if let Some((width, height)) = picture {
        line = line.ints("picture", &ints(layout.fit(width, height)));
    }
    let controls = Control::all().filter(|control| !matches!(control, Control::Step(_)));
    for control in controls.chain((0..layout.tiles.len()).map(Control::Tile)) {
        line = line.ints(&name(control), &ints(layout.place(control)));
    }
    line
}
