//! The report: `report.json` for programs, `report.md` and `report.svg` for people.

use crate::bench::Bench;
use crate::chart;
use crate::rows::{Row, Section, Verdict};
use crate::spread::Side;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io;

/// Writes the three files and prints the table.
pub(crate) fn write(bench: &Bench, circumstances: &str, sections: &[Section]) -> io::Result<()> {
    let mut text = format!("# What an upload costs\n\n{circumstances} Client process only; ");
    text.push_str("median [smallest–largest] of rounds in turn; × is beside the first side, round by round.");
    if bench.quick {
        text.push_str(" A quick run: less data, two rounds; not to be quoted.");
    }
    text.push('\n');
    for section in sections {
        let _ = write!(text, "\n{}", self::section(section));
    }
    text.push_str(&goals(sections));
    fs::write(bench.folder.join("report.md"), &text)?;
    let json = json!({ "quick": bench.quick, "circumstances": circumstances, "sections":
        sections.iter().map(to_json).collect::<Vec<_>>() });
    fs::write(bench.folder.join("report.json"), serde_json::to_string_pretty(&json)?)?;
    fs::write(bench.folder.join("report.svg"), chart::draw(sections))?;
    println!("{text}");
    println!("in {}: report.json, report.md, report.svg", bench.folder.display());
    Ok(())
}

/// All goals in one table, to be quoted.
fn goals(sections: &[Section]) -> String {
    let mut text = "\n## All goals\n\n| what | goal | measured | |\n|---|---|---|---|\n".to_owned();
    for Row { what, goal, measured, verdict } in sections.iter().flat_map(|section| &section.rows) {
        let _ = writeln!(text, "| {what} | {goal} | {measured} | {} |", word(*verdict));
    }
    text
}

/// A section as Markdown.
pub(crate) fn section(section: &Section) -> String {
    let mut text = format!("## {}\n", section.title);
    if let Some(floor) = section.sides.first() {
        text.push_str("\n| side | CPU-s/GiB | wall s | peak RSS MiB | syscalls/MiB | CPU × | wall × |\n");
        text.push_str("|---|---|---|---|---|---|---|\n");
        for side in &section.sides {
            text.push_str(&line(side, floor, section.gib));
        }
    }
    for Row { what, goal, measured, verdict } in &section.rows {
        let _ = writeln!(text, "\n{what}: {measured}; goal {goal}: **{}**", word(*verdict));
    }
    text
}

fn line(side: &Side, floor: &Side, gib: f64) -> String {
    // Where it is not about bytes, the CPU of the whole.
    let per = if gib > 0.0 { gib } else { 1.0 };
    let syscalls = match &side.syscalls {
        Ok(count) => format!("{count:.1}"),
        Err(why) => format!("not counted: {why}"),
    };
    format!(
        "| {} | {:.3} | {} | {:.1} | {syscalls} | {} | {} |\n",
        side.name,
        side.spread(|cost| cost.cpu / per),
        side.spread(|cost| cost.wall),
        side.spread(|cost| cost.rss),
        side.ratio(floor, |cost| cost.cpu),
        side.ratio(floor, |cost| cost.wall),
    )
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::NotMeasured => "not measured",
    }
}

fn to_json(section: &Section) -> Value {
    let floor = section.sides.first();
    let sides = section.sides.iter().map(|side| {
        json!({
            "name": side.name,
            "runs": side.costs.iter().map(|cost| cost.to_json()).collect::<Vec<_>>(),
            "cpu_ratio": floor.map(|floor| side.ratio(floor, |cost| cost.cpu).to_json()),
            "wall_ratio": floor.map(|floor| side.ratio(floor, |cost| cost.wall).to_json()),
            "syscalls_per_mib": side.syscalls.as_ref().ok(),
        })
    });
    let rows = section.rows.iter().map(|row| {
        let (what, goal, measured) = (&row.what, &row.goal, &row.measured);
        json!({ "what": what, "goal": goal, "measured": measured, "verdict": word(row.verdict) })
    });
    json!({
        "title": section.title, "gib": section.gib,
        "sides": sides.collect::<Vec<_>>(), "rows": rows.collect::<Vec<_>>(),
    })
}
