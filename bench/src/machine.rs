//! What it is measured on: said in the report, as no figure means much without.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

/// A machine that is busier while nothing is measured does somebody else's work.
const QUIET: f64 = 0.1;

/// CPUs, kernel, and whether anything else is running: takes two seconds.
pub(crate) fn described() -> String {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let account = || fs::read_to_string("/proc/stat").unwrap_or_default();
    let before = account();
    sleep(Duration::from_secs(2));
    format!("{cpus} CPUs ({}), Linux {kernel}; {}", model.unwrap_or("unknown"), quiet(busy(&before, &account())))
}

/// The share of the time between two looks at `/proc/stat` that the CPUs worked, or were taken away.
fn busy(before: &str, after: &str) -> Option<f64> {
    let times = |text: &str| -> Option<(f64, f64)> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<f64> = line.split_whitespace().take(8).map_while(|ticks| ticks.parse().ok()).collect();
        // user, nice, system, idle, iowait, …
        Some((ticks.iter().sum(), ticks.get(3)? + ticks.get(4)?))
    };
    let ((all_before, idle_before), (all, idle)) = (times(before)?, times(after)?);
    (all > all_before).then(|| 1.0 - (idle - idle_before) / (all - all_before))
}

fn quiet(busy: Option<f64>) -> String {
    match busy.map(|busy| (busy <= QUIET, busy * 100.0)) {
        Some((true, percent)) => format!("{percent:.0} % busy before it began"),
        Some((false, percent)) => {
            format!("**{percent:.0} % busy before it began: not a quiet machine, not to be quoted**")
        }
        None => "not known whether quiet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{busy, quiet};

    #[test]
    fn a_busy_machine_is_said_to_be_busy() {
        let (before, after) = ("cpu  10 0 10 100 0 0 0 0 0 0\ncpu0 1", "cpu  40 0 20 250 0 0 0 10 0 0\ncpu0 1");
        assert_eq!(busy(before, after), Some(0.25));
        assert_eq!((busy(before, before), busy("", "")), (None, None));
        assert!(quiet(Some(0.25)).contains("not to be quoted"));
        assert_eq!(quiet(Some(0.04)), "4 % busy before it began");
    }
}
