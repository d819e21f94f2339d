//! Draws the title bar: the program's name, the stream's name, how the stream travels, and buttons without labels.

use super::Pen;
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::layout::Tool;
use crate::ui::theme;
use crate::ui::view::{Header, Look, LookState};

pub(crate) const TITLE: &str = "Video Streaming Player";

/// Returns the title of a window in which this is played; "": nothing is.
pub(crate) fn window_title(name: &str) -> String {
    if name.is_empty() { TITLE.to_owned() } else { format!("{TITLE} - {name}") }
}

/// Draws the bar onto a canvas of its size. `tools` are the places of its buttons on that canvas.
pub(crate) fn draw(canvas: &mut Canvas, pen: &mut Pen<'_>, view: &Header, tools: &[Rect]) {
    let rect = canvas.rect();
    let (margin, gap) = (pen.px(16), pen.px(12));
    for ((tool, look), place) in Tool::ALL.into_iter().zip(view.tools).zip(tools) {
        draw_tool(canvas, pen, (tool, view.fullscreen), look, *place);
    }
    let shown = |tool: Tool| tools.get(tool as usize).filter(|place| !place.is_empty());
    let first = Tool::ALL.into_iter().filter(|&tool| tool != Tool::Wall).find_map(shown);
    let mut right = first.map_or(rect.w - margin, |first| first.x - pen.px(6));
    let title = pen.medium(theme::TITLE_SIZE);
    let radius = pen.at(9.0);
    let x = match shown(Tool::Wall) {
        Some(back) => back.right() + pen.px(8),
        None => {
            draw_reel(canvas, (margin as f32 + radius, rect.h as f32 / 2.0), radius);
            margin + (radius * 2.0) as i32 + pen.px(10)
        }
    };
    // In a narrow window the name goes first.
    let name = pen.fonts.width(title, &view.stream).min(pen.px(96));
    if let Some(badge) = view.badge.filter(|badge| right - badge_width(pen, badge) - gap - x >= name) {
        right = badge_at(canvas, pen, right, badge, theme::SECONDARY) - gap;
    }
    if let Some(pace) = &view.pace {
        right = badge_at(canvas, pen, right, pace, theme::SETUP) - gap;
    }
    if view.recording {
        right = badge_at(canvas, pen, right, "REC", theme::BAD) - gap;
    }
    let small = pen.regular(theme::TEXT_SIZE);
    let baseline = pen.baseline(rect, title);
    let width = pen.fonts.width(title, TITLE);
    // In a narrow window the program's name is left out, because the stream's name says more.
    let name_needs = pen.fonts.width(small, &view.stream).min(pen.px(120));
    let with_title = x + width + gap + name_needs <= right;
    let x = if with_title { canvas.text(pen.fonts, title, (x, baseline), TITLE, theme::TEXT) + gap } else { x };
    let (font, color) = if with_title { (small, theme::SECONDARY) } else { (title, theme::TEXT) };
    let name = pen.fonts.elided(font, &view.stream, right - x);
    canvas.text(pen.fonts, font, (x, baseline), &name, color);
    if !view.fullscreen {
        canvas.fill(Rect::new(0, rect.h - pen.px(1).max(1), rect.w, pen.px(1).max(1)), theme::BLACK.alpha(0x60));
    }
}

/// Draws the program's mark and name into a bar.
pub(crate) fn draw_name(canvas: &mut Canvas, pen: &mut Pen<'_>, bar: Rect) {
    let (margin, radius, title) = (pen.px(16), pen.at(9.0), pen.medium(theme::TITLE_SIZE));
    draw_reel(canvas, (margin as f32 + radius, bar.h as f32 / 2.0), radius);
    let at = (margin + (radius * 2.0) as i32 + pen.px(10), pen.baseline(bar, title));
    canvas.text(pen.fonts, title, at, TITLE, theme::TEXT);
}

/// Draws a button of the title bar. What it stands for may be switched on.
fn draw_tool(canvas: &mut Canvas, pen: &Pen<'_>, (tool, fullscreen): (Tool, bool), look: Look, place: Rect) {
    if place.is_empty() {
        return;
    }
    let inner = place.shrunk(pen.px(2));
    if look.focused {
        super::draw_focus(canvas, pen, inner.shrunk(pen.px(2)), 4.0);
    }
    let ground = match look.state {
        LookState::On => theme::SETUP.alpha(0x48),
        state => super::ground(state),
    };
    canvas.round(inner, pen.at(5.0), ground);
    let ink = if look.state == LookState::Disabled { theme::DISABLED } else { theme::TEXT };
    draw_sign(
        canvas,
        pen,
        (tool, fullscreen),
        place,
        (ink, if look.state == LookState::Disabled { ink } else { theme::BAD }),
    );
}

/// Draws the sign of a tool. `dot`: the colour of what records.
fn draw_sign(
    canvas: &mut Canvas,
    pen: &Pen<'_>,
    (tool, fullscreen): (Tool, bool),
    place: Rect,
    (ink, dot): (theme::Color, theme::Color),
) {
    let side = pen.at(16.0);
    let (x, y) = (place.x as f32 + (place.w as f32 - side) / 2.0, place.y as f32 + (place.h as f32 - side) / 2.0);
    let at = |(right, down): (f32, f32)| (x + side * right, y + side * down);
    let width = pen.at(1.7);
    let mut lines = |points: &[(f32, f32)]| {
        for pair in points.windows(2) {
            canvas.line(at(pair[0]), at(pair[1]), width, ink);
        }
    };
    match tool {
        Tool::Wall => {
            // Four tiles.
            let side = side * 0.42;
            for (right, down) in [(0.0, 0.0), (0.58, 0.0), (0.0, 0.58), (0.58, 0.58)] {
                let (x, y) = at((right, down));
                canvas.round(Rect::new(x.round() as i32, y.round() as i32, side as i32, side as i32), 1.0, ink);
            }
        }
        Tool::Record => {
            canvas.arc(at((0.5, 0.5)), side * 0.5, width, (0.0, 1.0), ink);
            canvas.circle(x + side * 0.5, y + side * 0.5, side * 0.27, dot);
        }
        Tool::Snapshot => {
            // A camera.
            lines(&[
                (0.0, 0.26),
                (0.0, 0.9),
                (1.0, 0.9),
                (1.0, 0.26),
                (0.74, 0.26),
                (0.64, 0.1),
                (0.36, 0.1),
                (0.26, 0.26),
                (0.0, 0.26),
            ]);
            canvas.arc(at((0.5, 0.56)), side * 0.19, width, (0.0, 1.0), ink);
        }
        Tool::Statistics => {
            lines(&[(0.02, 0.02), (0.02, 0.98), (1.0, 0.98)]);
            lines(&[(0.2, 0.7), (0.45, 0.38), (0.64, 0.58), (0.96, 0.14)]);
        }
        Tool::Protocol => {
            // Something goes there, and something comes back.
            lines(&[(0.0, 0.28), (1.0, 0.28)]);
            lines(&[(0.74, 0.04), (1.0, 0.28), (0.74, 0.52)]);
            lines(&[(1.0, 0.76), (0.0, 0.76)]);
            lines(&[(0.26, 0.52), (0.0, 0.76), (0.26, 1.0)]);
        }
        Tool::Help => {
            canvas.arc(at((0.5, 0.5)), side * 0.5, width, (0.0, 1.0), ink);
            canvas.arc(at((0.5, 0.4)), side * 0.17, width, (0.72, 0.7), ink);
            canvas.line(at((0.5, 0.55)), at((0.5, 0.62)), width, ink);
            canvas.circle(x + side * 0.5, y + side * 0.77, width * 0.62, ink);
        }
        Tool::Fullscreen => {
            // Four corners that point outwards, or inwards.
            for (sx, sy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                let (dx, dy) = (if sx == 0.0 { 0.32 } else { -0.32 }, if sy == 0.0 { 0.32 } else { -0.32 });
                if fullscreen {
                    lines(&[(sx, sy + dy), (sx + dx, sy + dy), (sx + dx, sy)]);
                } else {
                    lines(&[(sx, sy + dy), (sx, sy), (sx + dx, sy)]);
                }
            }
        }
    }
}

/// Draws the program's mark: the reel of cards of a mutoscope, with one card in another colour.
fn draw_reel(canvas: &mut Canvas, (x, y): (f32, f32), radius: f32) {
    const CARDS: u16 = 12;
    for card in 0..CARDS {
        let (sin, cos) = (f32::from(card) / f32::from(CARDS) * std::f32::consts::TAU).sin_cos();
        let at = |part: f32| (x + sin * radius * part, y - cos * radius * part);
        let color = if card == 1 { theme::PLAY } else { theme::SECONDARY };
        canvas.line(at(0.5), at(1.0), radius * 0.16, color);
    }
    canvas.circle(x, y, radius * 0.24, theme::SECONDARY);
}

fn badge_width(pen: &mut Pen<'_>, text: &str) -> i32 {
    let font = pen.medium(theme::SMALL_SIZE);
    pen.fonts.width(font, text) + 2 * pen.px(8)
}

/// Draws a label in a frame that ends at `right`. Returns the x at which the frame begins.
fn badge_at(canvas: &mut Canvas, pen: &mut Pen<'_>, right: i32, text: &str, color: theme::Color) -> i32 {
    let font = pen.medium(theme::SMALL_SIZE);
    let (width, height) = (badge_width(pen, text), pen.px(22));
    let rect = Rect::new(right - width, (canvas.rect().h - height) / 2, width, height);
    canvas.round(rect, pen.at(4.0), color.alpha(0x38));
    pen.centred(canvas, rect, font, text, color.mix(theme::TEXT, 90));
    rect.x
}
