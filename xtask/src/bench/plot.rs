//! A plot of lines over two logarithmic axes, as SVG that reads on light and on dark pages.

use std::fmt::Write;

/// One line of the plot.
pub(super) struct Series {
    pub(super) name: String,
    /// CSS class, which has a colour in [`STYLE`].
    pub(super) class: &'static str,
    /// Drawn in dashes.
    pub(super) dashed: bool,
    pub(super) points: Vec<(f64, f64)>,
}

/// A frame with lines; all frames of a plot share the vertical axis.
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) series: Vec<Series>,
}

const PANEL: (f64, f64) = (380.0, 260.0);
const LEFT: f64 = 62.0;
const TOP: f64 = 96.0;
const BETWEEN: f64 = 34.0;
const BELOW: f64 = 62.0;

const STYLE: &str = "\
text { font: 12px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 } .panel { font-size: 13px; font-weight: 600 } .tick { font-size: 11px } .note { fill: #57606a }
.back { fill: #ffffff } .grid { stroke: #d8dee4; stroke-width: 1 } .axis { stroke: #8c959f; stroke-width: 1 }
.line { fill: none; stroke-width: 2.25; stroke-linejoin: round } .dashed { stroke-dasharray: 5 4 }
.bare { stroke: #6e7781 } .ours { stroke: #0550ae } .other { stroke: #bc4c00 }
.dot { stroke: none } .dot.bare { fill: #6e7781 } .dot.ours { fill: #0550ae } .dot.other { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note { fill: #9198a1 } .back { fill: #0d1117 } .grid { stroke: #2a313c } .axis { stroke: #6e7681 }
.bare { stroke: #9198a1 } .ours { stroke: #6cb6ff } .other { stroke: #f0883e }
.dot.bare { fill: #9198a1 } .dot.ours { fill: #6cb6ff } .dot.other { fill: #f0883e }
}
";

/// The ends of both axes.
struct Scale {
    x: (f64, f64),
    y: (f64, f64),
}

impl Scale {
    /// Around all points; the vertical axis ends at numbers that have a label.
    fn of(panels: &[Panel]) -> Option<Self> {
        let points = || panels.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.points);
        let ends = |of: fn(&(f64, f64)) -> f64| {
            points().map(of).fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
        };
        let ((left, right), (low, high)) = (ends(|point| point.0), ends(|point| point.1));
        if high <= 0.0 || low <= 0.0 {
            return None;
        }
        let steps = || ticks(low / 10.0, high * 10.0);
        let low = steps().into_iter().rev().find(|tick| *tick <= low)?;
        let high = steps().into_iter().find(|tick| *tick >= high)?;
        Some(Self { x: (left, right.max(left * 2.0)), y: (low, high.max(low * 2.0)) })
    }

    fn x(&self, value: f64) -> f64 {
        PANEL.0 * share(self.x, value)
    }

    fn y(&self, value: f64) -> f64 {
        PANEL.1 * (1.0 - share(self.y, value))
    }
}

fn share((low, high): (f64, f64), value: f64) -> f64 {
    (value / low).ln() / (high / low).ln()
}

/// 1, 2 and 5 times the powers of ten between two numbers.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    (-3..6)
        .flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)))
        .filter(|tick| (low * 0.999..=high * 1.001).contains(tick))
        .collect()
}

/// A number as a label has it: no digits that say nothing, and thousands apart.
pub(super) fn label(value: f64) -> String {
    if value >= 1000.0 {
        format!("{:.0},{:03.0}", (value / 1000.0).floor(), value % 1000.0)
    } else {
        format!("{value}")
    }
}

/// The whole picture. `across` and `up` say what the axes are; `note` stands below the title. `None` without any point.
pub(super) fn svg(title: &str, note: &str, across: &str, up: &str, panels: &[Panel]) -> Option<String> {
    let scale = Scale::of(panels)?;
    let width = LEFT + panels.len() as f64 * (PANEL.0 + BETWEEN);
    let height = TOP + PANEL.1 + BELOW;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">{title}</title>\n<style>\n{STYLE}</style>\n<rect class=\"back\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"26\">{title}</text>\n<text class=\"note\" x=\"{LEFT}\" y=\"44\">{note}</text>\n"
    );
    legend(&mut text, panels);
    let middle = TOP + PANEL.1 / 2.0;
    let _ = writeln!(text, "<text text-anchor=\"middle\" transform=\"translate(16 {middle}) rotate(-90)\">{up}</text>");
    for (number, panel) in panels.iter().enumerate() {
        let left = LEFT + number as f64 * (PANEL.0 + BETWEEN);
        let _ = writeln!(text, "<g transform=\"translate({left} {TOP})\">");
        axes(&mut text, &scale, panel, number == 0, across);
        for series in &panel.series {
            line(&mut text, &scale, series);
        }
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    Some(text)
}

/// The names of all lines beside pieces of them, in one row.
fn legend(text: &mut String, panels: &[Panel]) {
    let mut left = LEFT;
    let mut seen: Vec<&str> = Vec::new();
    for series in panels.iter().flat_map(|panel| &panel.series) {
        let Series { name, class, dashed, .. } = series;
        if seen.contains(&name.as_str()) {
            continue;
        }
        seen.push(name);
        let dashed = if *dashed { " dashed" } else { "" };
        let _ = writeln!(
            text,
            "<path class=\"line {class}{dashed}\" d=\"M{left} 61h28\"/><circle class=\"dot {class}\" cx=\"{}\" cy=\"61\" r=\"3.5\"/><text x=\"{}\" y=\"65\">{name}</text>",
            left + 14.0,
            left + 35.0
        );
        left += 35.0 + 6.4 * name.chars().count() as f64 + 18.0;
    }
}

fn axes(text: &mut String, scale: &Scale, panel: &Panel, labelled: bool, across: &str) {
    let (width, height) = PANEL;
    let _ = writeln!(text, "<text class=\"panel\" x=\"0\" y=\"-9\">{}</text>", panel.title);
    for tick in ticks(scale.y.0, scale.y.1) {
        let y = scale.y(tick);
        let _ = writeln!(text, "<path class=\"grid\" d=\"M0 {y:.1}h{width}\"/>");
        if labelled {
            let _ = writeln!(text, "<text text-anchor=\"end\" x=\"-8\" y=\"{:.1}\">{}</text>", y + 4.0, label(tick));
        }
    }
    let mut taken = f64::NEG_INFINITY;
    let mut marks: Vec<f64> = panel.series.iter().flat_map(|series| &series.points).map(|point| point.0).collect();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    for mark in marks {
        let x = scale.x(mark);
        let _ = writeln!(text, "<path class=\"axis\" d=\"M{x:.1} {height}v5\"/>");
        // Labels that would lie on each other are left out.
        if x - taken >= 32.0 {
            taken = x;
            let below = height + 19.0;
            let _ =
                writeln!(text, "<text class=\"tick\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{below}\">{mark}</text>");
        }
    }
    let _ = writeln!(text, "<path class=\"axis\" d=\"M0 {height}h{width}\"/>");
    let (middle, below) = (width / 2.0, height + 42.0);
    let _ = writeln!(text, "<text text-anchor=\"middle\" x=\"{middle}\" y=\"{below}\">{across}</text>");
}

fn line(text: &mut String, scale: &Scale, series: &Series) {
    let at: Vec<_> = series.points.iter().map(|(x, y)| (scale.x(*x), scale.y(*y))).collect();
    let path: Vec<_> = at.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let dashed = if series.dashed { " dashed" } else { "" };
    let class = series.class;
    let _ = writeln!(text, "<path class=\"line {class}{dashed}\" d=\"M{}\"/>", path.join("L"));
    for (x, y) in at {
        let _ = writeln!(text, "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(points: &[(f64, f64)]) -> Panel {
        let series = Series { name: "a".into(), class: "ours", dashed: true, points: points.to_vec() };
        Panel { title: "UDP".into(), series: vec![series] }
    }

    #[test]
    fn points_lie_within_the_frame_and_larger_ones_higher() {
        let panels = [panel(&[(1.0, 0.3), (100.0, 4.0), (2000.0, 1.0)])];
        let scale = Scale::of(&panels).unwrap();
        assert_eq!((scale.y, scale.x), ((0.2, 5.0), (1.0, 2000.0)));
        assert!(scale.y(4.0) > 0.0 && scale.y(4.0) < scale.y(1.0) && scale.y(0.3) < PANEL.1);
        assert_eq!((scale.x(1.0), scale.x(2000.0)), (0.0, PANEL.0));
    }

    #[test]
    fn a_plot_has_its_words_and_both_schemes() {
        let text = svg("Title", "Note", "viewers", "ms", &[panel(&[(1.0, 0.3), (2000.0, 1.0)])]).unwrap();
        for words in ["prefers-color-scheme: dark", ">Title<", ">Note<", ">viewers<", ">ms<", ">UDP<", ">2000<", ">a<"]
        {
            assert!(text.contains(words), "{words}");
        }
        assert!(svg("Title", "", "", "", &[panel(&[])]).is_none());
    }
}
