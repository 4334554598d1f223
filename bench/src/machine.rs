//! What it is measured on: said in the report, as no figure means much without.

use std::fs;

/// A load over this share of the CPUs is somebody else's work.
const QUIET: f64 = 0.25;

/// CPUs, kernel, and whether anything else was running.
pub(crate) fn described() -> String {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let load = fs::read_to_string("/proc/loadavg").ok().and_then(|text| text.split(' ').next()?.parse().ok());
    format!("{cpus} CPUs ({}), Linux {kernel}; {}", model.unwrap_or("unknown"), quiet(load, cpus))
}

fn quiet(load: Option<f64>, cpus: usize) -> String {
    let most = QUIET * f64::from(u32::try_from(cpus).unwrap_or(u32::MAX));
    match load {
        Some(load) if load <= most => format!("load {load} when it began"),
        Some(load) => format!("**load {load} when it began: not a quiet machine, not to be quoted**"),
        None => "load unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::quiet;

    #[test]
    fn a_busy_machine_is_said_to_be_busy() {
        assert_eq!(quiet(Some(0.5), 2), "load 0.5 when it began");
        assert!(quiet(Some(0.51), 2).contains("not to be quoted"));
    }
}
