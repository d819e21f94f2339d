//! Everything that the window writes can be read: each text that a widget draws, in each of its states, against what is below it.

use super::canvas::{Canvas, Rect};
use super::layout::{Chrome, Layout, Tool};
use super::overlay;
use super::text::Fonts;
use super::theme::{self, Color, contrast};
use super::view::{self, Header, Icon, Look, LookState, Notice, Progress, StatusEntry};
use super::widgets::{self, Pen};
use crate::steps::Step;

const STATES: [LookState; 5] =
    [LookState::Disabled, LookState::Normal, LookState::Hover, LookState::Pressed, LookState::On];

/// Fails where a text of the canvas cannot be read, over the lightest and the darkest picture where the ground lets that through.
fn check(canvas: &Canvas, what: &str, least: f64, scrim: Color) {
    assert!(!canvas.written.is_empty(), "{what} says nothing");
    for (text, ink, ground) in &canvas.written {
        for picture in [theme::TEXT, theme::BLACK] {
            let below = picture.mix(scrim.alpha(0xff), scrim.a());
            let ground = below.mix(ground.alpha(0xff), ground.a());
            let ink = ground.mix(ink.alpha(0xff), ink.a());
            let reached = contrast(ink, ground);
            assert!(reached >= least, "{what}: {text:?} has {reached:.2}, in {ink:x?} on {ground:x?}");
        }
    }
}

const NO_SCRIM: Color = theme::BLACK.alpha(0);

fn with(draw: impl FnOnce(&mut Canvas, &mut Pen<'_>), size: (i32, i32), ground: Color) -> Canvas {
    let (mut fonts, mut canvas) = (Fonts::new(), Canvas::default());
    canvas.reset(size.0, size.1, ground);
    draw(&mut canvas, &mut Pen { fonts: &mut fonts, scale: 1.0 });
    canvas
}

#[test]
fn buttons_can_be_read_in_all_states() {
    for state in STATES {
        for focused in [false, true] {
            let places = [0, 1, 2, 3].map(|index| Rect::new(10 + index * 130, 9, 120, 34));
            let looks = [Look { state, focused }; 4];
            let draw = |canvas: &mut Canvas, pen: &mut Pen<'_>| widgets::buttons::draw(canvas, pen, &looks, &places);
            let least = if state == LookState::Disabled { 3.0 } else { 4.5 };
            let canvas = with(draw, (540, 52), theme::CONTROL_PANEL);
            assert_eq!(canvas.written.len(), 4);
            check(&canvas, &format!("buttons, {state:?}"), least, NO_SCRIM);
        }
    }
}

/// The grounds of the bars: in the window's frame, and in full screen, where they lie over the picture.
fn bars(panel: Color) -> [(Color, Color); 2] {
    [(panel, NO_SCRIM), (theme::BLACK.alpha(0), theme::SCRIM)]
}

#[test]
fn bars_can_be_read_in_the_window_and_over_any_picture() {
    let layout = Layout::new((900, 700), 1.0, Chrome::Framed, &[100; 8], 6);
    for (ground, scrim) in bars(theme::PANEL) {
        for state in STATES {
            let tools = [Look { state, focused: false }; Tool::ALL.len()];
            let fullscreen = scrim != NO_SCRIM;
            let view = Header {
                stream: "a name".into(),
                badge: Some("LAB · UDP"),
                pace: Some("−2×".into()),
                recording: true,
                tools,
                fullscreen,
            };
            let draw = |canvas: &mut Canvas, pen: &mut Pen<'_>| {
                widgets::header::draw(canvas, pen, &view, &layout.tools.map(|tool| tool.within(layout.header)));
            };
            check(&with(draw, (900, 44), ground), "title bar", 4.5, scrim);
        }
        let colors = [theme::TEXT, theme::WARNING, theme::BAD, theme::GOOD.mix(theme::TEXT, 90)];
        let entries = colors.map(|color| StatusEntry { label: "Label: ", value: "value".into(), color });
        let draw = |canvas: &mut Canvas, pen: &mut Pen<'_>| {
            widgets::status::draw(
                canvas,
                pen,
                &entries,
                &layout.entries.iter().map(|e| e.within(layout.status)).collect::<Vec<_>>(),
                true,
            );
        };
        check(&with(draw, (900, 30), ground), "status bar", 4.5, scrim);
    }
    let length = |pointed| Progress::Length { filled: 50, position: "0:07".into(), duration: "0:10".into(), pointed };
    let live = |flowing| Progress::Live { filled: 50, depth: "20 ms".into(), flowing };
    for (ground, scrim) in bars(theme::CONTROL_PANEL) {
        for progress in [length(false), length(true), live(true), live(false)] {
            let track = layout.track.within(layout.progress);
            let draw = |canvas: &mut Canvas, pen: &mut Pen<'_>| widgets::progress::draw(canvas, pen, &progress, track);
            check(&with(draw, (900, 30), ground), "progress bar", 4.5, scrim);
        }
    }
}

#[test]
fn what_lies_over_the_picture_can_be_read_over_any_picture() {
    let clear = theme::BLACK.alpha(0);
    check(
        &with(|canvas, pen| widgets::draw_toast(canvas, pen, "Saved x.jpg"), (200, 34), clear),
        "toast",
        4.5,
        NO_SCRIM,
    );
    check(&with(|canvas, pen| widgets::draw_bubble(canvas, pen, "0:07"), (60, 24), clear), "bubble", 4.5, NO_SCRIM);
    for help in [overlay::Help::Single, overlay::Help::Wall] {
        let draw = |canvas: &mut Canvas, pen: &mut Pen<'_>| overlay::draw_help(canvas, pen, help);
        check(&with(draw, (304, 330), clear), "help", 4.5, theme::DIM);
    }
    let notice = Notice {
        icon: Icon::Warning,
        title: "There is no such stream".into(),
        detail: "The server has nothing of that name".into(),
        hint: "Check the name in the URL".into(),
        steps: [Step::OtherAddress, Step::TryAgain].map(|step| (step, Look::NORMAL)).into(),
    };
    let states = [LookState::Normal, LookState::Hover, LookState::Pressed];
    for (over_picture, state) in [false, true].into_iter().flat_map(|over| states.map(|state| (over, state))) {
        let steps = notice.steps.iter().map(|&(step, look)| (step, Look { state, ..look })).collect();
        let notice = Notice { steps, ..notice.clone() };
        let draw = |canvas: &mut Canvas, pen: &mut Pen<'_>| {
            let arranged = widgets::notice::arrange(pen, &notice, Rect::new(0, 0, 640, 480), over_picture);
            widgets::notice::draw(canvas, pen, &arranged);
        };
        let (ground, scrim) = if over_picture { (clear, theme::DIM) } else { (theme::BACKGROUND, NO_SCRIM) };
        check(&with(draw, (640, 480), ground), "notice", 4.5, scrim);
    }
    let figures = crate::figures::Figures::default();
    let readings = view::readings(&crate::model::Model::new(), &figures);
    let pipeline = crate::decode::Pipeline::new();
    let view = overlay::statistics(&readings, &figures, &crate::network::Live::default(), &pipeline, None);
    let draw = |canvas: &mut Canvas, pen: &mut Pen<'_>| {
        let plan = overlay::arrange_statistics(pen, &view, Rect::new(0, 0, 800, 600)).unwrap();
        overlay::draw_statistics(canvas, pen, &view, &plan);
    };
    check(&with(draw, (300, 500), clear), "statistics", 4.5, NO_SCRIM);
}
