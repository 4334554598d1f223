//! `--stats`: what an upload cost, and what it waited for. Measured, never estimated: what cannot be is left out.

use crate::json::fault_name;
use indicatif::HumanBytes;
use oss_client::{Span, SpanEnd, SpanKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Sums over all actions of one upload. Times are summed over connections: three that wait a second wait three.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stats {
    requests: u64,
    parts: u64,
    given: u64,
    /// Attempts that failed, by the class of the fault.
    failed: BTreeMap<&'static str, u64>,
    /// Until a connection was there and asked for the body.
    connecting: Duration,
    /// While the body was given to the connection, less the disk.
    network: Duration,
    /// Reads that were not in the page cache.
    disk: Duration,
    /// From the last byte given to the reply, so also what the kernel still had to send; of requests without a body, all.
    server: Duration,
    proving: Duration,
    saves: u64,
    saving: Duration,
}

/// What is known of the process as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Process {
    pub(crate) wall: Duration,
    pub(crate) cpu: Option<Duration>,
    pub(crate) peak_resident: Option<u64>,
    pub(crate) peak_buffers: u64,
    pub(crate) connections: Option<u64>,
}

impl Stats {
    pub(crate) fn count(&mut self, span: &Span) {
        let all = span.ended.saturating_sub(span.began);
        match span.kind {
            SpanKind::Send => self.send(span),
            SpanKind::Call => {
                self.requests += 1;
                self.server += all;
            }
            SpanKind::Prove => self.proving += all,
            SpanKind::Save => {
                self.saves += 1;
                self.saving += all;
            }
            _ => {}
        }
        if let SpanEnd::Failed(fault) = &span.end {
            *self.failed.entry(fault_name(fault)).or_default() += 1;
        }
    }

    fn send(&mut self, span: &Span) {
        self.requests += 1;
        self.parts += u64::from(span.end == SpanEnd::Done);
        self.given += span.bytes_given;
        let asked = span.asked.unwrap_or(span.ended);
        // A small file is given as a whole: its way out cannot be told from the wait for the reply.
        let given = span.given.unwrap_or(if span.part.is_some() { span.ended } else { asked });
        self.connecting += asked.saturating_sub(span.began);
        self.network += given.saturating_sub(asked).saturating_sub(span.disk);
        self.disk += span.disk;
        self.server += span.ended.saturating_sub(given);
    }

    pub(crate) fn json(&self, process: Process) -> Value {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        json!({
            "wall_ms": ms(process.wall), "cpu_ms": process.cpu.map(ms), "peak_resident_bytes": process.peak_resident,
            "peak_buffer_bytes": process.peak_buffers, "connections_opened": process.connections,
            "requests": self.requests, "parts": self.parts, "bytes_given": self.given, "failed_attempts": self.failed,
            "wait_connection_ms": ms(self.connecting), "wait_network_ms": ms(self.network),
            "wait_disk_ms": ms(self.disk), "wait_server_ms": ms(self.server),
            "proving_ms": ms(self.proving), "saves": self.saves, "saving_ms": ms(self.saving),
        })
    }

    /// For people, one line a subject.
    pub(crate) fn table(&self, process: Process) -> String {
        let mut rows = vec![("wall", seconds(process.wall))];
        if let Some(cpu) = process.cpu {
            let share = 100.0 * cpu.as_secs_f64() / process.wall.as_secs_f64().max(0.001);
            rows.push(("CPU", format!("{}, {share:.0} % of one", seconds(cpu))));
        }
        let buffers = format!("{} in buffers", HumanBytes(process.peak_buffers));
        rows.push((
            "peak memory",
            match process.peak_resident {
                Some(resident) => format!("{} resident, {buffers}", HumanBytes(resident)),
                None => buffers,
            },
        ));
        if let Some(connections) = process.connections {
            rows.push(("connections", format!("{connections} opened")));
        }
        rows.push(("requests", format!("{}, {} of them parts that arrived", self.requests, self.parts)));
        rows.push(("sent", format!("{} given to connections, repetitions included", HumanBytes(self.given))));
        rows.push(("failed attempts", self.failures()));
        rows.push((
            "waiting for",
            format!(
                "connections {}, network {}, disk {}, server {} (summed over connections)",
                seconds(self.connecting),
                seconds(self.network),
                seconds(self.disk),
                seconds(self.server)
            ),
        ));
        rows.push(("proving", seconds(self.proving)));
        rows.push(("checkpoint", format!("{} writes, {}", self.saves, seconds(self.saving))));
        rows.iter().map(|(name, value)| format!("  {name:<16} {value}")).collect::<Vec<_>>().join("\n")
    }

    fn failures(&self) -> String {
        let all: u64 = self.failed.values().sum();
        let classes: Vec<_> = self.failed.iter().map(|(class, count)| format!("{class} {count}")).collect();
        if all == 0 { "none".to_owned() } else { format!("{all}: {}", classes.join(", ")) }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}

/// User and system time of this process.
#[cfg(unix)]
pub(crate) fn cpu() -> Option<Duration> {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(spent.tv_sec.try_into().ok()?, spent.tv_nsec.try_into().ok()?))
}

#[cfg(not(unix))]
pub(crate) fn cpu() -> Option<Duration> {
    None
}

/// The most memory that was resident, where the system tells it by a file.
pub(crate) fn peak_resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    kib.trim().parse::<u64>().ok()?.checked_mul(1024)
}
