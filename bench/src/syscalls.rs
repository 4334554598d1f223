//! How many system calls a command makes: by perf's tracepoint where there is one, else by strace.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The count of one run, or why there is none.
pub(crate) fn count(folder: &Path, command: &Command) -> Result<f64, String> {
    let report = folder.join("syscalls.txt");
    let ways: [(&str, &[&str], Read); 2] = [
        ("perf", &["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o"], of_perf),
        ("strace", &["-f", "-c", "-o"], of_strace),
    ];
    let mut why = String::new();
    for (tool, words, read) in ways {
        let mut outer = Command::new(tool);
        outer.args(words).arg(&report).arg("--").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            outer.env(name, value.unwrap_or_default());
        }
        let status = outer.stdout(Stdio::null()).stderr(Stdio::null()).status();
        match counted(&report, status, read) {
            Ok(count) => return Ok(count),
            Err(error) => why.push_str(&format!("{tool}: {error}; ")),
        }
    }
    Err(why.trim_end_matches("; ").to_owned())
}

type Read = fn(&str) -> Option<f64>;

fn counted(report: &Path, status: io::Result<std::process::ExitStatus>, read: Read) -> io::Result<f64> {
    if !status?.success() {
        return Err(io::Error::other("the run failed under it"));
    }
    read(&fs::read_to_string(report)?).ok_or_else(|| io::Error::other("it did not count"))
}

/// `1234,,raw_syscalls:sys_enter,…`
fn of_perf(text: &str) -> Option<f64> {
    text.lines().find(|line| line.contains("raw_syscalls"))?.split(',').next()?.parse().ok()
}

/// `100.00    0.012345           3      1234        12 total`
fn of_strace(text: &str) -> Option<f64> {
    text.lines().rfind(|line| line.ends_with("total"))?.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_both_tools_are_read() {
        assert_eq!(of_perf("# started on\n\n29,,raw_syscalls:sys_enter,58,100.00,,\n"), Some(29.0));
        assert_eq!(of_strace("% time seconds\n100.00    0.000000           0        29         2 total\n"), Some(29.0));
        assert_eq!(of_perf("<not counted>,,raw_syscalls:sys_enter"), None);
    }
}
