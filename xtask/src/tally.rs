//! Counting results from what test programs print.

/// Results of tests and cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Counts a line of `cargo test`: `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    pub(crate) fn read_cargo(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else { return };
        for count in counts.1.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                Some((number, "ignored")) => self.skipped += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// Counts a line of the interop scripts: `ok NAME`, `FAILED NAME: why` or `skipped NAME: why`.
    pub(crate) fn read_interop(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("ok", _)) => self.passed += 1,
            Some(("FAILED", _)) => self.failed += 1,
            Some(("skipped", _)) => self.skipped += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_cargo_test_are_summed() {
        let mut tally = Tally::default();
        tally.read_cargo("running 4 tests");
        tally.read_cargo(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s",
        );
        tally.read_cargo(
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 3s",
        );
        assert_eq!(tally, Tally { passed: 13, failed: 2, skipped: 1 });
    }

    #[test]
    fn lines_of_the_interop_scripts_are_summed() {
        let mut tally = Tally::default();
        for line in ["ok oss2 v1 put", "FAILED oss2 v4 put: 403", "skipped oss2 v4 list: why", "Traceback"] {
            tally.read_interop(line);
        }
        assert_eq!(tally, Tally { passed: 1, failed: 1, skipped: 1 });
    }
}
