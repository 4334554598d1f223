//! `--timeline`: the lanes of `--trace` as one picture that needs nothing else.

use crate::trace::{self, Lane};
use indicatif::HumanBytes;
use oss_client::{Span, SpanEnd, SpanKind};
use std::fmt::Write;
use std::time::Duration;

const LEFT: f64 = 132.0;
const WIDTH: f64 = 1_068.0;
const RIGHT: f64 = 20.0;
/// The curve of bytes a second.
const CURVE: f64 = 90.0;
const TOP: f64 = 76.0;
const BINS: u32 = 180;
/// What is narrower is drawn with its neighbour of the same colour.
const HAIR: f64 = 0.6;

/// Class, colour, word in the legend.
const LEGEND: [(&str, &str, &str); 8] = [
    ("connect", "#b8c4d6", "connecting"),
    ("send", "#3b7ddd", "sending"),
    ("reply", "#f2b84b", "waiting for the reply"),
    ("failed", "#d64545", "failed, tried again"),
    ("dropped", "#8a8f98", "dropped"),
    ("call", "#2a9d8f", "call"),
    ("prove", "#57a65a", "proving"),
    ("save", "#8e6bbf", "checkpoint"),
];

/// The picture of these spans; an empty one where there are none.
pub(crate) fn of(title: &str, spans: &[Span]) -> String {
    let lanes = trace::lanes(spans);
    let end = spans.iter().map(|span| span.ended).max().unwrap_or_default().max(Duration::from_millis(1));
    let scale = Scale { end };
    let lane_height = if lanes.len() > 40 { 9.0 } else { 20.0 };
    let lanes_from = TOP + CURVE + 28.0;
    let bottom = lanes_from + lane_height * lanes.len() as f64;
    let mut svg = String::new();
    head(&mut svg, title, spans, bottom + 44.0, scale);
    grid(&mut svg, scale, TOP, bottom);
    curve(&mut svg, spans, scale);
    for (index, lane) in lanes.iter().enumerate() {
        draw_lane(&mut svg, lane, lanes_from + lane_height * index as f64, lane_height, scale);
    }
    svg.push_str("</svg>\n");
    svg
}

#[derive(Debug, Clone, Copy)]
struct Scale {
    end: Duration,
}

impl Scale {
    fn x(self, at: Duration) -> f64 {
        LEFT + WIDTH * at.as_secs_f64() / self.end.as_secs_f64()
    }

    /// About eight steps of 1, 2 or 5.
    fn step(self) -> f64 {
        let rough = self.end.as_secs_f64() / 8.0;
        let power = 10f64.powf(rough.log10().floor());
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|f| f * power).find(|step| *step >= rough).unwrap_or(10.0 * power)
    }
}

fn head(svg: &mut String, title: &str, spans: &[Span], height: f64, scale: Scale) {
    let width = LEFT + WIDTH + RIGHT;
    _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"11\" fill=\"#333a45\">\n<style>"
    );
    for (class, colour, _) in LEGEND {
        _ = write!(svg, ".{class}{{fill:{colour}}}");
    }
    let sent: u64 = spans.iter().map(|span| span.bytes_given).sum();
    let words = format!("{} given to connections in {:.2} s", HumanBytes(sent), scale.end.as_secs_f64());
    _ = write!(
        svg,
        "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\" font-weight=\"600\">{}</text>\n\
         <text x=\"{}\" y=\"24\" text-anchor=\"end\">{words}</text>\n",
        escape(title),
        LEFT + WIDTH
    );
    let mut x = LEFT;
    for (class, _, word) in LEGEND {
        _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"38\" width=\"11\" height=\"11\" rx=\"2\"/><text x=\"{:.1}\" y=\"48\">{word}</text>",
            x + 16.0
        );
        x += 36.0 + 6.2 * word.len() as f64;
    }
}

fn grid(svg: &mut String, scale: Scale, top: f64, bottom: f64) {
    let step = scale.step();
    let decimals = if step >= 1.0 { 0 } else { usize::from(step < 0.1) + 1 + usize::from(step < 0.01) };
    let mut at = 0.0;
    while at <= scale.end.as_secs_f64() * 1.000_1 {
        let x = scale.x(Duration::from_secs_f64(at));
        _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\" stroke=\"#e3e7ee\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#6b7280\">{at:.decimals$} s</text>",
            bottom + 18.0
        );
        at += step;
    }
}

/// Bytes a second that were acknowledged, each part's spread over its time, and the most of them.
fn curve(svg: &mut String, spans: &[Span], scale: Scale) {
    let rates = rates(spans, scale);
    let most = rates.iter().copied().fold(0.0, f64::max);
    let base = TOP + CURVE;
    _ = write!(svg, "<path d=\"M{LEFT} {base}");
    for (bin, rate) in rates.iter().enumerate() {
        let (from, to) = (bin as f64, bin as f64 + 1.0);
        let y = base - if most > 0.0 { rate / most * (CURVE - 8.0) } else { 0.0 };
        let x = |bin: f64| LEFT + WIDTH * bin / f64::from(BINS);
        _ = write!(svg, "L{:.1} {y:.1}L{:.1} {y:.1}", x(from), x(to));
    }
    _ = write!(
        svg,
        "L{} {base}Z\" fill=\"#3b7ddd\" fill-opacity=\"0.18\" stroke=\"#3b7ddd\" stroke-width=\"1\"/>",
        LEFT + WIDTH
    );
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a label")]
    let most = HumanBytes(most as u64);
    let right = LEFT - 10.0;
    _ = writeln!(
        svg,
        "<text x=\"{right}\" y=\"{}\" text-anchor=\"end\">bytes a second</text>\
         <text x=\"{right}\" y=\"{}\" text-anchor=\"end\" fill=\"#6b7280\">at most {most}</text>",
        TOP + CURVE / 2.0 - 2.0,
        TOP + CURVE / 2.0 + 13.0
    );
}

fn rates(spans: &[Span], scale: Scale) -> Vec<f64> {
    let width = scale.end.as_secs_f64() / f64::from(BINS);
    let mut bins = vec![0.0; BINS as usize];
    for span in spans.iter().filter(|span| span.kind == SpanKind::Send && span.end == SpanEnd::Done) {
        let from = span.asked.unwrap_or(span.began).as_secs_f64();
        let to = span.ended.as_secs_f64().max(from + 1e-6);
        let rate = span.bytes as f64 / (to - from);
        for (bin, sum) in bins.iter_mut().enumerate() {
            let (left, right) = (bin as f64 * width, (bin as f64 + 1.0) * width);
            *sum += rate * (to.min(right) - from.max(left)).max(0.0) / width;
        }
    }
    bins
}

fn draw_lane(svg: &mut String, lane: &Lane<'_>, y: f64, height: f64, scale: Scale) {
    let bar = Bar { y: y + 1.5, height: height - 3.0 };
    if height > 10.0 {
        let (x, y) = (LEFT - 10.0, y + height / 2.0 + 4.0);
        _ = writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>", lane.name);
    }
    let mut pens: Vec<Pen> = Vec::new();
    for span in &lane.spans {
        let title = format!(
            "{}: {}, {} in {:.3} s",
            trace::label(span),
            trace::end(span),
            HumanBytes(span.bytes),
            (span.ended - span.began).as_secs_f64()
        );
        for (class, from, to) in drawn(span) {
            let (left, right) = (scale.x(from), scale.x(to));
            match pens.iter_mut().find(|pen| pen.class == class && left - pen.right < HAIR && right - left < HAIR) {
                Some(pen) => pen.right = pen.right.max(right),
                None => {
                    if let Some(at) = pens.iter().position(|pen| pen.class == class) {
                        pens.remove(at).draw(svg, bar);
                    }
                    pens.push(Pen { class, left, right, title: title.clone() });
                }
            }
        }
        if span.kind == SpanKind::Send && height > 10.0 {
            number(svg, span, bar, scale, &mut pens);
        }
    }
    pens.into_iter().for_each(|pen| pen.draw(svg, bar));
}

/// The part's number, where there is room for it.
fn number(svg: &mut String, span: &Span, bar: Bar, scale: Scale, pens: &mut Vec<Pen>) {
    let (left, right) = (scale.x(span.began), scale.x(span.ended));
    if right - left > 26.0
        && let Some(part) = span.part
    {
        // Above what is drawn so far.
        pens.drain(..).for_each(|pen| pen.draw(svg, bar));
        let (x, y) = ((left + right) / 2.0, bar.y + bar.height / 2.0 + 3.5);
        _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#1b2430\">{}</text>",
            part.get()
        );
    }
}

/// The colours of a span, from when to when.
fn drawn(span: &Span) -> Vec<(&'static str, Duration, Duration)> {
    let whole = |class| vec![(class, span.began, span.ended)];
    match (&span.end, span.kind) {
        (SpanEnd::Failed(_), _) => whole("failed"),
        (SpanEnd::Dropped, _) => whole("dropped"),
        (_, SpanKind::Send) => trace::stretches(span),
        (_, SpanKind::Prove) => whole("prove"),
        (_, SpanKind::Save) => whole("save"),
        _ => whole("call"),
    }
}

#[derive(Debug, Clone, Copy)]
struct Bar {
    y: f64,
    height: f64,
}

/// A rectangle that may still grow.
#[derive(Debug)]
struct Pen {
    class: &'static str,
    left: f64,
    right: f64,
    title: String,
}

impl Pen {
    fn draw(self, svg: &mut String, bar: Bar) {
        let Self { class, left, right, title } = self;
        _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{left:.2}\" y=\"{:.1}\" width=\"{:.2}\" height=\"{:.1}\"><title>{}</title></rect>",
            bar.y,
            (right - left).max(HAIR),
            bar.height,
            escape(&title)
        );
    }
}

fn escape(text: &str) -> String {
    // A control character is in no XML, not even escaped.
    let clean = text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect::<String>();
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_nothing_is_a_picture_and_a_key_cannot_break_out_of_it() {
        let svg = of("</text><script>\u{1b}\"&", &[]);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;\u{FFFD}&quot;&amp;") && !svg.contains("<script"), "{svg}");
    }

    #[test]
    fn the_axis_has_a_handful_of_round_steps() {
        for (millis, step) in [(1, 0.000_2), (900, 0.2), (8_000, 1.0), (61_000, 10.0), (3_600_000, 500.0)] {
            let scale = Scale { end: Duration::from_millis(millis) };
            assert!((scale.step() - step).abs() < step * 1e-6, "{millis} {}", scale.step());
        }
    }
}
