//! The overlays that the user can switch on: the help, and the statistics with graphs of the last half minute.

use super::canvas::{Canvas, Rect};
use super::layout::Layout;
use super::theme::{self, Color};
use super::view::{self, DASH, Readings, StatisticsView};
use super::widgets::Pen;
use crate::figures::{Figures, SAMPLES, Sample};
use crate::network::Live;
use std::sync::atomic::Ordering;

const KEYS: [(&str, &str); 13] = [
    ("Space, click", "Play or pause"),
    ("S;   O", "Connect; other address"),
    ("Left, Right", "Seek 5 s, with Shift 30 s"),
    ("Wheel, drag", "Seek, too"),
    ("Comma, period", "One frame back, or on"),
    ("Home, End", "First frame, last frame"),
    ("F, double click", "Full screen"),
    ("P,  R", "Save the picture, record"),
    ("[   ]   B", "Slower, faster, backwards"),
    ("Tab, Enter", "Go to a button, press it"),
    ("D;   N", "Protocol; bad network"),
    ("I;   H, ?", "Statistics; this help"),
    ("Esc;   Q", "Back; stop and quit"),
];

/// The same where several streams are shown at once.
const WALL_KEYS: [(&str, &str); 9] = [
    ("Click, Enter", "Show a stream alone"),
    ("Arrows", "Choose a stream"),
    ("1 … 9", "Show this one alone"),
    ("Esc", "Back to all streams"),
    ("Space", "Play or pause the chosen one"),
    ("P,  R", "Save its picture, record it"),
    ("F", "Full screen"),
    ("H, ?", "This help"),
    ("Q", "Stop and quit"),
];

/// Which keys the help tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Help {
    Single,
    Wall,
}

impl Help {
    /// Those that mean something in what is shown.
    pub(crate) fn of(layout: &Layout) -> Self {
        if layout.tiles.is_empty() { Self::Single } else { Self::Wall }
    }

    const fn keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Single => &KEYS,
            Self::Wall => &WALL_KEYS,
        }
    }
}

const PADDING: i32 = 18;
const ROW: i32 = 22;
const KEY_ROW: i32 = 19;
const GRAPH: (i32, i32) = (124, 44);
const GRAPH_GAP: i32 = 12;
/// The height above a graph for its name and present value.
const GRAPH_NAME: i32 = 14;

/// Returns the width and height of the help.
pub(crate) fn help_size(pen: &Pen<'_>, help: Help) -> (i32, i32) {
    (pen.px(304), pen.px(2 * PADDING + 26 + KEY_ROW * help.keys().len() as i32))
}

pub(crate) fn draw_help(canvas: &mut Canvas, pen: &mut Pen<'_>, help: Help) {
    let rect = canvas.rect();
    canvas.round(rect, pen.at(10.0), theme::SHADE.alpha(0xee));
    let (padding, row) = (pen.px(PADDING), pen.px(KEY_ROW));
    let (title, text, key) =
        (pen.medium(theme::TITLE_SIZE), pen.regular(theme::TEXT_SIZE), pen.medium(theme::TEXT_SIZE));
    canvas.text(pen.fonts, title, (padding, padding + pen.px(12)), "Keys and mouse", theme::TEXT);
    for (index, &(name, what)) in help.keys().iter().enumerate() {
        let place = Rect::new(padding, padding + pen.px(26) + index as i32 * row, rect.w, row);
        let baseline = pen.baseline(place, text);
        canvas.text(pen.fonts, key, (padding, baseline), name, theme::SETUP.mix(theme::TEXT, 60));
        let x = padding + pen.px(106);
        let what = pen.fonts.elided(text, what, rect.w - padding / 2 - x);
        canvas.text(pen.fonts, text, (x, baseline), &what, theme::TEXT);
    }
}

/// Returns what the statistics overlay says now. `picture` is the width, height and length in bytes of the shown one.
pub(crate) fn statistics(
    readings: &Readings,
    figures: &Figures,
    live: &Live,
    pipeline: &crate::decode::Pipeline,
    picture: Option<(usize, usize, usize)>,
) -> StatisticsView {
    let counters = &pipeline.counters;
    let average = |(average, now): &(String, String)| match (average.as_str(), now.as_str()) {
        (DASH, DASH) => DASH.to_owned(),
        (average, now) => format!("average {average}, now {now}"),
    };
    let picture = picture.map_or_else(
        || DASH.to_owned(),
        |(width, height, len)| format!("{width} × {height}, {:.1} KB", len as f64 / 1000.0),
    );
    let local = figures.local_ms().map_or_else(|| DASH.into(), view::milliseconds);
    let rows = vec![
        // In a small window only the first ones are shown.
        ("Latency", average(&readings.latency)),
        ("Loss", average(&readings.loss)),
        ("Dropped", format!("{}, {} damaged", counters.dropped(), counters.damaged.load(Ordering::Relaxed))),
        ("Incomplete", format!("{} frames", live.incomplete())),
        ("Packets", format!("{}, {} lost", live.packets(), live.lost())),
        ("Received", format!("{} frames", live.frames)),
        ("Picture", picture),
        ("In the player", local),
        ("Interruptions", live.interruptions.to_string()),
        ("Out of order", format!("{}, {} twice", live.session.reordered, live.session.duplicates)),
    ];
    StatisticsView { rows, samples: figures.samples().copied().collect(), flowing: readings.flowing }
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

/// The width of the names of rows.
const NAMES: i32 = 86;
/// The width of the rows of text.
const WORDS: i32 = 2 * GRAPH.0 + GRAPH_GAP;

/// Arranges the statistics in a part of an area: half of it at most, so that the picture can be seen beside it. `None`: there is no
/// room for a single row.
pub(crate) fn arrange_statistics(pen: &Pen<'_>, view: &StatisticsView, area: Rect) -> Option<StatisticsPlan> {
    let halves = [Rect { h: area.h / 2, ..area }, Rect { w: area.w / 2, ..area }];
    let plans = halves.map(|half| arrange_in(pen, view, half));
    plans.into_iter().flatten().max_by_key(|plan| plan.rows as i32 + 2 * plan.graphs.0 * plan.graphs.1)
}

/// Arranges the statistics in an area. If there is room for everything, the graphs stand below the rows of text. Otherwise
/// they stand right of them, and only as many rows and graphs are shown as fit, in their order.
fn arrange_in(pen: &Pen<'_>, view: &StatisticsView, area: Rect) -> Option<StatisticsPlan> {
    let (row, gap) = (pen.px(ROW - 4), pen.px(GRAPH_GAP));
    let graph = (pen.px(GRAPH.0) + gap, pen.px(GRAPH.1 + GRAPH_NAME) + gap);
    let (rows, lines) = (view.rows.len() as i32, GRAPHS.len() as i32 / 2);
    let padding = pen.px(PADDING * 2 / 3);
    let words = pen.px(WORDS);
    if words + 2 * padding > area.w {
        return None;
    }
    let whole = (2 * padding + words, 2 * padding + rows * row + lines * graph.1);
    if whole.1 <= area.h {
        return Some(StatisticsPlan { rows: view.rows.len(), graphs: (2, lines), beside: false, padding, size: whole });
    }
    let fitting = |room: i32, one: i32, most: i32| (room / one.max(1)).clamp(0, most);
    let columns = fitting(area.w - 2 * padding - words, graph.0, 3);
    let lines =
        if columns == 0 { 0 } else { fitting(area.h - 2 * padding + gap, graph.1, GRAPHS.len() as i32 / columns) };
    let rows = fitting(area.h - 2 * padding, row, rows);
    let columns = if lines == 0 { 0 } else { columns };
    let size = (2 * padding + words + columns * graph.0, 2 * padding + (rows * row).max(lines * graph.1 - gap).max(0));
    (rows > 0).then_some(StatisticsPlan { rows: rows as usize, graphs: (columns, lines), beside: true, padding, size })
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
        value: |sample| Some(sample.bitrate / 1000.0).filter(|&value| value > 0.0),
        text: view::bitrate,
        least: 100.0,
    },
    Graph {
        name: "Frames/s",
        color: theme::GOOD,
        value: |sample| Some(sample.fps).filter(|&value| value > 0.0),
        text: |value| format!("{value:.0}"),
        least: 10.0,
    },
    Graph {
        name: "Latency",
        color: theme::WARNING,
        value: |sample| sample.latency_ms,
        text: view::milliseconds,
        least: 20.0,
    },
    Graph {
        name: "Jitter",
        color: Color::rgb(0xba_68_c8),
        value: |sample| Some(sample.jitter_ms),
        text: view::milliseconds,
        least: 2.0,
    },
    Graph {
        name: "Loss",
        color: theme::BAD,
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
    let row = pen.px(ROW - 4);
    let words = pen.px(WORDS).min(rect.w - 2 * plan.padding);
    let text = pen.regular(theme::TEXT_SIZE - 1.0);
    let mut y = plan.padding;
    for (name, value) in view.rows.iter().take(plan.rows) {
        let baseline = pen.baseline(Rect::new(0, y, rect.w, row), text);
        canvas.text(pen.fonts, text, (plan.padding, baseline), name, theme::SECONDARY);
        let x = plan.padding + pen.px(NAMES);
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
        draw_graph(canvas, pen, graph, view, place);
    }
}

fn draw_graph(canvas: &mut Canvas, pen: &mut Pen<'_>, graph: &Graph, view: &StatisticsView, place: Rect) {
    let samples = &view.samples;
    let font = pen.regular(theme::SMALL_SIZE - 0.5);
    let now = samples.last().filter(|_| view.flowing).and_then(graph.value);
    let baseline = place.y + pen.px(9);
    canvas.text(pen.fonts, font, (place.x, baseline), graph.name, theme::SECONDARY);
    let text = now.map_or_else(|| DASH.into(), graph.text);
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
    fn no_figure_is_cut_however_large() {
        let (mut fonts, pipeline) = (Fonts::new(), Pipeline::new());
        let mut live = Live { frames: 9_999_999, interruptions: 999, ..Live::default() };
        live.session.packets = 999_999_999;
        (live.session.lost, live.session.frames_dropped) = (9_999_999, 9_999_999);
        (live.session.reordered, live.session.duplicates) = (9_999_999, 9_999_999);
        pipeline.counters.skipped.store(9_999_999, Ordering::Relaxed);
        pipeline.counters.damaged.store(9_999_999, Ordering::Relaxed);
        let readings = Readings {
            bitrate: DASH.into(),
            fps: DASH.into(),
            jitter: DASH.into(),
            loss: ("100.0 %".into(), "100.0 %".into()),
            latency: ("99.9 ms".into(), "99.9 ms".into()),
            flowing: true,
        };
        let view = statistics(&readings, &Figures::default(), &live, &pipeline, Some((8192, 8192, 9_999_900)));
        for scale in [1.0, 1.5, 2.0] {
            let pen = Pen { fonts: &mut fonts, scale };
            let font = pen.regular(theme::TEXT_SIZE - 1.0);
            for (name, value) in &view.rows {
                let room = pen.px(WORDS) - pen.px(NAMES);
                assert!(pen.fonts.width(font, value) <= room, "{name}: {value}");
            }
        }
    }

    #[test]
    fn overlays_fit_every_window_and_draw_any_figures() {
        let (mut fonts, pipeline) = (Fonts::new(), Pipeline::new());
        let mut figures = Figures::default();
        let mut now = Instant::now();
        for _ in 0..200 {
            now += crate::figures::INTERVAL;
            figures.sample(now, &Live::default(), &pipeline.counters);
        }
        let readings = view::readings(&crate::model::Model::new(), &figures);
        let view = statistics(&readings, &figures, &Live::default(), &pipeline, Some((640, 480, 25_000)));
        let mut canvas = Canvas::default();
        for scale in [1.0, 1.5, 2.0] {
            // The room for statistics in windows of several sizes, and the rows and graphs that fit into half of it.
            for (room, shown) in [
                ((616, 456), Some((10, (2, 3)))),
                ((1576, 478), Some((10, (2, 3)))),
                ((456, 164), Some((3, (1, 1)))),
                ((296, 104), Some((1, (0, 0)))),
                ((640, 240), Some((10, (0, 0)))),
                ((200, 400), None),
                ((1, 1), None),
            ] {
                let mut pen = Pen { fonts: &mut fonts, scale };
                let area = Rect::new(0, 0, pen.px(room.0), pen.px(room.1));
                let plan = arrange_statistics(&pen, &view, area);
                assert_eq!(plan.map(|plan| (plan.rows, plan.graphs)), shown, "{room:?} at {scale}");
                let Some(plan) = plan else { continue };
                let covered = plan.size.0 * plan.size.1 * 100 / (area.w * area.h);
                assert!(plan.size.0 <= area.w && plan.size.1 <= area.h && covered <= 50, "{room:?}: {covered} %");
                canvas.reset(plan.size.0, plan.size.1, theme::BLACK.alpha(0));
                draw_statistics(&mut canvas, &mut pen, &view, &plan);
            }
            let mut pen = Pen { fonts: &mut fonts, scale };
            for help in [Help::Single, Help::Wall] {
                let (smallest, size) = (crate::ui::layout::MIN_SIZE, help_size(&pen, help));
                assert!(size.1 <= pen.px(smallest.1 as i32), "{size:?}: the help fits the smallest window");
                canvas.reset(size.0, size.1, theme::BLACK.alpha(0));
                draw_help(&mut canvas, &mut pen, help);
            }
        }
    }
}
