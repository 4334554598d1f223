//! `--trace`: the actions of an upload in the Chrome trace event format, which Perfetto and chrome://tracing open.

use crate::json::fault_name;
use oss_client::{Span, SpanEnd, SpanKind};
use serde_json::{Value, json};
use std::time::Duration;

/// The tracks that the spans of an upload stand on. What carries bytes is on the lowest slot that was free: one
/// connection at a time, as the pool hands them out.
#[derive(Debug)]
pub(crate) struct Lane<'a> {
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) spans: Vec<&'a Span>,
}

/// The lanes, the calls first, then the slots, proving, the checkpoint.
pub(crate) fn lanes(spans: &[Span]) -> Vec<Lane<'_>> {
    let kinds = [
        (SpanKind::Call, "calls"),
        (SpanKind::Send, "connection"),
        (SpanKind::Prove, "proving"),
        (SpanKind::Save, "checkpoint"),
    ];
    let mut all = Vec::new();
    for (kind, name) in kinds {
        let mut ordered: Vec<_> = spans.iter().filter(|span| span.kind == kind).collect();
        ordered.sort_by_key(|span| span.began);
        let first = all.len();
        for span in ordered {
            let free = |lane: &Lane<'_>| lane.spans.last().is_none_or(|last| last.ended <= span.began);
            match all[first..].iter_mut().find(|lane| free(lane)) {
                Some(lane) => lane.spans.push(span),
                None => {
                    let name = format!("{name} {}", all.len() - first + 1);
                    all.push(Lane { name, kind, spans: vec![span] });
                }
            }
        }
        if all.len() == first + 1 {
            all[first].name = name.to_owned();
        }
    }
    all
}

/// The stretches of a span: what it waited for, from when to when.
pub(crate) fn stretches(span: &Span) -> Vec<(&'static str, Duration, Duration)> {
    let Some(asked) = span.asked else { return Vec::new() };
    let mut all = vec![("connect", span.began, asked)];
    match span.given {
        Some(given) => all.extend([("send", asked, given), ("reply", given, span.ended)]),
        None => all.push(("send", asked, span.ended)),
    }
    all
}

/// What a person calls it.
pub(crate) fn label(span: &Span) -> String {
    match span.part {
        Some(part) if span.kind == SpanKind::Send => format!("part {}", part.get()),
        Some(part) => format!("{} from part {}", span.name, part.get()),
        None => span.name.to_owned(),
    }
}

/// How it ended, in a word.
pub(crate) fn end(span: &Span) -> &'static str {
    match &span.end {
        SpanEnd::Done => "done",
        SpanEnd::Failed(fault) => fault_name(fault),
        _ => "dropped",
    }
}

/// The file's content: one process, a thread for every lane.
pub(crate) fn of(title: &str, spans: &[Span]) -> String {
    let mut events = vec![json!({ "name": "process_name", "ph": "M", "pid": 1, "tid": 0, "args": { "name": title } })];
    for (tid, lane) in lanes(spans).iter().enumerate() {
        let tid = tid + 1;
        events.push(json!({ "name": "thread_name", "ph": "M", "pid": 1, "tid": tid, "args": { "name": lane.name } }));
        events.push(
            json!({ "name": "thread_sort_index", "ph": "M", "pid": 1, "tid": tid, "args": { "sort_index": tid } }),
        );
        for span in &lane.spans {
            let failed = if matches!(span.end, SpanEnd::Failed(_)) { ",retry" } else { "" };
            let category = format!("{}{failed}", category(lane.kind));
            let mut event = complete(&label(span), &category, tid, span.began, span.ended);
            event["args"] = json!({ "bytes": span.bytes, "bytes_given": span.bytes_given, "end": end(span), "disk_us": micros(span.disk) });
            events.push(event);
            events.extend(stretches(span).into_iter().map(|(name, from, to)| complete(name, &category, tid, from, to)));
        }
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events }).to_string()
}

fn complete(name: &str, category: &str, tid: usize, from: Duration, to: Duration) -> Value {
    json!({
        "name": name, "cat": category, "ph": "X", "pid": 1, "tid": tid,
        "ts": micros(from), "dur": micros(to.saturating_sub(from)),
    })
}

fn category(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Send => "send",
        SpanKind::Prove => "prove",
        SpanKind::Save => "save",
        _ => "call",
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
