//! The sides as bars: CPU beside the floor, a line at 1 ×.

use crate::rows::Section;
use std::fmt::Write as _;

const LEFT: f64 = 300.0;
/// Pixels of 1 ×.
const UNIT: f64 = 160.0;
const ROW: f64 = 18.0;
/// Longer bars are cut; their figure is written beside them.
const MOST: f64 = 4.0;

/// An SVG of all sections that have sides to compare.
pub(crate) fn draw(sections: &[Section]) -> String {
    let (mut body, mut y) = (String::new(), 24.0);
    for section in sections.iter().filter(|section| section.sides.len() > 1) {
        let _ = writeln!(body, r#"<text x="8" y="{y}" font-weight="bold">{}</text>"#, escaped(&section.title));
        y += ROW;
        let floor = &section.sides[0];
        for side in &section.sides {
            let ratio = side.ratio(floor, |cost| cost.cpu);
            let (width, colour) =
                (ratio.median.min(MOST) * UNIT, if side.name == floor.name { "#999" } else { "#2b6cb0" });
            let top = y - 12.0;
            let _ =
                writeln!(body, r#"<text x="{}" y="{y}" text-anchor="end">{}</text>"#, LEFT - 6.0, escaped(&side.name));
            let _ = writeln!(body, r#"<rect x="{LEFT}" y="{top}" width="{width:.1}" height="13" fill="{colour}"/>"#);
            let end = LEFT + width + 4.0;
            let _ = writeln!(body, r#"<text x="{end:.1}" y="{y}">{ratio} ×</text>"#);
            y += ROW;
        }
        y += ROW / 2.0;
    }
    let (width, line) = (LEFT + MOST * UNIT + 140.0, LEFT + UNIT);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<line x1="{line}" y1="12" x2="{line}" y2="{y}" stroke="#c53030" stroke-dasharray="3 3"/>
{body}</svg>
"##
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
