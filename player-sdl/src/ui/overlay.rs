//! The overlays that the user can switch on: the help, and the statistics with graphs of the last half minute.

use super::canvas::{Canvas, Rect};
use super::theme::{self, Color};
use super::view::StatisticsView;
use super::widgets::Pen;
use crate::figures::{Figures, SAMPLES, Sample};
use crate::network::Live;
use std::sync::atomic::Ordering;

const KEYS: [(&str, &str); 10] = [
    ("Space", "Play or pause"),
    ("S", "Set up"),
    ("Left  Right", "Seek 5 s, with Shift 30 s"),
    ("F", "Full screen, also by double click"),
    ("P", "Save the picture"),
    ("I", "Statistics"),
    ("H  ?", "This help"),
    ("Esc", "Back, or stop and quit"),
    ("Q", "Stop and quit"),
    ("Mouse", "Click the bar to seek"),
];

const PADDING: i32 = 18;
const ROW: i32 = 22;
const GRAPH: (i32, i32) = (124, 44);
const GRAPH_GAP: i32 = 12;
/// The height above a graph for its name and present value.
const GRAPH_NAME: i32 = 14;

/// Returns the width and height of the help.
pub(crate) fn help_size(pen: &Pen<'_>) -> (i32, i32) {
    (pen.px(300), pen.px(2 * PADDING + 30 + ROW * KEYS.len() as i32))
}

pub(crate) fn draw_help(canvas: &mut Canvas, pen: &mut Pen<'_>) {
    let rect = canvas.rect();
    canvas.round(rect, pen.at(10.0), theme::SHADE.alpha(0xee));
    let (padding, row) = (pen.px(PADDING), pen.px(ROW));
    let (title, text, key) =
        (pen.medium(theme::TITLE_SIZE), pen.regular(theme::TEXT_SIZE), pen.medium(theme::TEXT_SIZE));
    canvas.text(pen.fonts, title, (padding, padding + pen.px(12)), "Keys", theme::TEXT);
    for (index, (name, what)) in KEYS.into_iter().enumerate() {
        let place = Rect::new(padding, padding + pen.px(30) + index as i32 * row, rect.w, row);
        let baseline = pen.baseline(place, text);
        canvas.text(pen.fonts, key, (padding, baseline), name, theme::SETUP.mix(theme::TEXT, 60));
        let x = padding + pen.px(82);
        let what = pen.fonts.elided(text, what, rect.w - padding / 2 - x);
        canvas.text(pen.fonts, text, (x, baseline), &what, theme::TEXT);
    }
}

/// Returns what the statistics overlay says now. `picture` is the width, height and length in bytes of the shown one.
pub(crate) fn statistics(
    figures: &Figures,
    live: &Live,
    pipeline: &crate::decode::Pipeline,
    picture: Option<(usize, usize, usize)>,
) -> StatisticsView {
    let counters = &pipeline.counters;
    let dash = || "–".to_owned();
    let ms = |value: Option<f64>| value.map_or_else(dash, |ms| format!("{ms:.1} ms"));
    let rows = vec![
        (
            "Picture",
            picture
                .map_or_else(dash, |(width, height, len)| format!("{width} × {height}, {:.1} KB", len as f64 / 1000.0)),
        ),
        ("Received", format!("{} frames, {} packets", live.frames, live.packets())),
        ("Lost", format!("{} packets, {} frames incomplete", live.lost(), live.incomplete())),
        ("Dropped", format!("{} too late, {} damaged", counters.dropped(), counters.damaged.load(Ordering::Relaxed))),
        ("Latency", ms(figures.latency_ms())),
        ("In the player", ms(figures.local_ms())),
        ("Interruptions", live.interruptions.to_string()),
        ("Out of order", format!("{}, duplicates {}", live.session.reordered, live.session.duplicates)),
    ];
    StatisticsView { rows, samples: figures.samples().copied().collect() }
}

/// How much of the statistics is shown, and where. Rows and graphs that do not fit whole are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatisticsPlan {
    rows: usize,
    /// The numbers of columns and rows of graphs.
    graphs: (i32, i32),
    /// Whether the graphs stand right of the rows of text, because there is no room below.
    beside: bool,
    padding: i32,
    pub(crate) size: (i32, i32),
}

/// The width of the rows of text.
const WORDS: i32 = 2 * GRAPH.0 + GRAPH_GAP;

/// Arranges the statistics in an area. If there is room for everything, the graphs stand below the rows of text. Otherwise
/// they stand right of them, and only as many rows and graphs are shown as fit, in their order.
pub(crate) fn arrange_statistics(pen: &Pen<'_>, view: &StatisticsView, area: Rect) -> StatisticsPlan {
    let (row, gap) = (pen.px(ROW - 3), pen.px(GRAPH_GAP));
    let graph = (pen.px(GRAPH.0) + gap, pen.px(GRAPH.1 + GRAPH_NAME) + gap);
    let (rows, lines) = (view.rows.len() as i32, GRAPHS.len() as i32 / 2);
    let padding = pen.px(PADDING);
    let whole = (2 * padding + pen.px(WORDS), 2 * padding + rows * row + pen.px(GRAPH_GAP) - gap + lines * graph.1);
    if whole.0 <= area.w && whole.1 <= area.h {
        return StatisticsPlan { rows: view.rows.len(), graphs: (2, lines), beside: false, padding, size: whole };
    }
    let padding = pen.px(PADDING * 2 / 3);
    let fitting = |room: i32, one: i32, most: i32| (room / one.max(1)).clamp(0, most);
    let words = pen.px(WORDS).min(area.w - 2 * padding);
    let columns = fitting(area.w - 2 * padding - words, graph.0, 2);
    let lines = if columns == 0 { 0 } else { fitting(area.h - 2 * padding + gap, graph.1, lines) };
    let rows = fitting(area.h - 2 * padding, row, rows);
    let columns = if lines == 0 { 0 } else { columns };
    let size = (2 * padding + words + columns * graph.0, 2 * padding + (rows * row).max(lines * graph.1 - gap).max(0));
    StatisticsPlan { rows: rows as usize, graphs: (columns, lines), beside: true, padding, size }
}

struct Graph {
    name: &'static str,
    color: Color,
    value: fn(&Sample) -> Option<f64>,
    text: fn(f64) -> String,
    /// The upper end of the scale is never lower than this, so that small changes do not look like large ones.
    least: f64,
}

const GRAPHS: [Graph; 6] = [
    Graph {
        name: "Bitrate",
        color: theme::SETUP,
        value: |sample| Some(sample.bitrate / 1000.0),
        text: |value| format!("{value:.0} kbps"),
        least: 100.0,
    },
    Graph {
        name: "Frames/s",
        color: theme::GOOD,
        value: |sample| Some(sample.fps),
        text: |value| format!("{value:.1}"),
        least: 10.0,
    },
    Graph {
        name: "Latency",
        color: theme::WARNING,
        value: |sample| sample.latency_ms,
        text: |value| format!("{value:.0} ms"),
        least: 20.0,
    },
    Graph {
        name: "Jitter",
        color: Color::rgb(0xba_68_c8),
        value: |sample| Some(sample.jitter_ms),
        text: |value| format!("{value:.1} ms"),
        least: 2.0,
    },
    Graph {
        name: "Loss",
        color: theme::PLAY,
        value: |sample| Some(sample.loss),
        text: |value| format!("{value:.1} %"),
        least: 1.0,
    },
    Graph {
        name: "Dropped",
        color: Color::rgb(0xff_8a_65),
        value: |sample| Some(sample.dropped),
        text: |value| format!("{value:.0}"),
        least: 4.0,
    },
];

pub(crate) fn draw_statistics(canvas: &mut Canvas, pen: &mut Pen<'_>, view: &StatisticsView, plan: &StatisticsPlan) {
    let rect = canvas.rect();
    canvas.round(rect, pen.at(10.0), theme::SHADE);
    let row = pen.px(ROW - 3);
    let words = pen.px(WORDS).min(rect.w - 2 * plan.padding);
    let text = pen.regular(theme::TEXT_SIZE - 1.0);
    let mut y = plan.padding;
    for (name, value) in view.rows.iter().take(plan.rows) {
        let baseline = pen.baseline(Rect::new(0, y, rect.w, row), text);
        canvas.text(pen.fonts, text, (plan.padding, baseline), name, theme::SECONDARY);
        let x = plan.padding + pen.px(88);
        let value = pen.fonts.elided(text, value, plan.padding + words - x);
        canvas.text(pen.fonts, text, (x, baseline), &value, theme::TEXT);
        y += row;
    }
    let gap = pen.px(GRAPH_GAP);
    let (left, top) = if plan.beside { (plan.padding + words + gap, plan.padding) } else { (plan.padding, y + gap) };
    let (width, height) = (pen.px(GRAPH.0), pen.px(GRAPH.1 + GRAPH_NAME));
    let (columns, lines) = plan.graphs;
    for (index, graph) in GRAPHS.iter().enumerate().take((columns * lines) as usize) {
        let (column, line) = (index as i32 % columns, index as i32 / columns);
        let place = Rect::new(left + column * (width + gap), top + line * (height + gap), width, height);
        draw_graph(canvas, pen, graph, &view.samples, place);
    }
}

fn draw_graph(canvas: &mut Canvas, pen: &mut Pen<'_>, graph: &Graph, samples: &[Sample], place: Rect) {
    let font = pen.regular(theme::SMALL_SIZE - 0.5);
    let now = samples.last().and_then(graph.value);
    let baseline = place.y + pen.px(9);
    canvas.text(pen.fonts, font, (place.x, baseline), graph.name, theme::SECONDARY);
    let text = now.map_or_else(|| "–".into(), graph.text);
    let x = place.right() - pen.fonts.width(font, &text);
    canvas.text(pen.fonts, font, (x, baseline), &text, theme::TEXT);
    let field = Rect::new(place.x, place.y + pen.px(GRAPH_NAME), place.w, place.h - pen.px(GRAPH_NAME));
    canvas.fill(field, theme::TEXT.alpha(0x14));
    let values = samples.iter().filter_map(graph.value);
    let top = values.fold(graph.least, f64::max) * 1.1;
    let step = field.w as f32 / (SAMPLES - 1) as f32;
    let missing = SAMPLES - samples.len().min(SAMPLES);
    let point = |(index, sample): (usize, &Sample)| {
        let value = (graph.value)(sample)?;
        let x = field.x as f32 + (missing + index) as f32 * step;
        Some((x, field.bottom() as f32 - 1.0 - (value / top) as f32 * (field.h - 2) as f32))
    };
    let points: Vec<Option<(f32, f32)>> = samples.iter().enumerate().map(point).collect();
    for pair in points.windows(2) {
        let (Some(a), Some(b)) = (pair[0], pair[1]) else { continue };
        for x in a.0.floor() as i32..b.0.floor() as i32 {
            let part = (x as f32 - a.0).max(0.0) / (b.0 - a.0).max(1e-3);
            let y = (a.1 + (b.1 - a.1) * part).round() as i32;
            canvas.fill(Rect::new(x, y, 1, field.bottom() - y), graph.color.alpha(0x38));
        }
        canvas.line(a, b, pen.at(1.4), graph.color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Pipeline;
    use crate::ui::text::Fonts;
    use std::time::Instant;

    #[test]
    fn overlays_fit_every_window_and_draw_any_figures() {
        let (mut fonts, pipeline) = (Fonts::new(), Pipeline::new());
        let mut figures = Figures::default();
        let mut now = Instant::now();
        for _ in 0..200 {
            now += crate::figures::INTERVAL;
            figures.sample(now, &Live::default(), &pipeline.counters);
        }
        let view = statistics(&figures, &Live::default(), &pipeline, Some((640, 480, 25_000)));
        let mut canvas = Canvas::default();
        for scale in [1.0, 1.5, 2.0] {
            // The room for statistics in windows of several sizes, and the rows and graphs that fit into it.
            for (room, rows, graphs) in [
                ((616, 456), 8, (2, 3)),
                ((1576, 478), 8, (2, 3)),
                ((456, 164), 7, (1, 2)),
                ((296, 104), 4, (0, 0)),
                ((640, 240), 8, (2, 3)),
                ((1, 1), 0, (0, 0)),
            ] {
                let mut pen = Pen { fonts: &mut fonts, scale };
                let area = Rect::new(0, 0, pen.px(room.0), pen.px(room.1));
                let plan = arrange_statistics(&pen, &view, area);
                assert!(room == (1, 1) || plan.size.0 <= area.w && plan.size.1 <= area.h, "{room:?}: {plan:?}");
                assert_eq!((plan.rows, plan.graphs), (rows, graphs), "{room:?} at {scale}");
                canvas.reset(plan.size.0, plan.size.1, theme::BLACK.alpha(0));
                draw_statistics(&mut canvas, &mut pen, &view, &plan);
            }
            let mut pen = Pen { fonts: &mut fonts, scale };
            let (smallest, size) = (crate::ui::layout::MIN_SIZE, help_size(&pen));
            assert!(size.1 <= pen.px(smallest.1 as i32), "{size:?}: the help fits the smallest window");
            canvas.reset(size.0, size.1, theme::BLACK.alpha(0));
            draw_help(&mut canvas, &mut pen);
        }
    }
}
