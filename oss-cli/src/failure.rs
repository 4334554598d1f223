//! How a command ends without success: the words, what to type next, the exit code.

use oss_client::{Callback, Error, ErrorKind};
use std::io::{self, Write};
use std::process::ExitCode;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 1: something has to change first.
    Change,
    /// 2: refused before any request.
    Usage,
    /// 3: the same command continues.
    Again,
    /// 4: the object is stored and verified, its callback failed or nobody knows. Neither is a reason to upload again.
    Callback,
}

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
    /// What to do next, in order; the last line of all is a command.
    pub(crate) next: Vec<Step>,
}

/// Words, and the command that belongs to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) words: String,
    pub(crate) command: String,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Change => 1,
            Self::Usage => 2,
            Self::Again => 3,
            Self::Callback => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidInput => Self::Usage,
            ErrorKind::Locked | ErrorKind::Resumable => Self::Again,
            _ => Self::Change,
        }
    }
}

impl Failure {
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into(), next: Vec::new() }
    }

    /// With the advice to type the same command again.
    pub(crate) fn again(error: impl Into<anyhow::Error>) -> Self {
        let next = vec![crate::advice::same_command()];
        Self { exit: Exit::Again, error: error.into(), next }
    }

    /// Of an upload that succeeded, where its callback did not, or may not have.
    pub(crate) fn of_callback(callback: Callback) -> Option<Self> {
        let error = match callback {
            Callback::Failed => anyhow::anyhow!("the object is stored and verified, its callback failed"),
            Callback::Unknown => {
                anyhow::anyhow!("the object is stored and verified, whether its callback worked is unknown")
            }
            _ => return None,
        };
        Some(Self { exit: Exit::Callback, error, next: Vec::new() })
    }

    /// Of a plain call: the same command again, now or once what OSS refuses is mended.
    pub(crate) fn of_call(error: Error) -> Self {
        let exit = Exit::from(error.kind());
        let next = crate::advice::after_call(&error, exit);
        Self { exit, error: error.into(), next }
    }

    /// Every layer's own words, once.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut words: Vec<String> = self.error.chain().map(ToString::to_string).collect();
        words.dedup();
        words
    }

    pub(crate) fn print(&self) {
        // When stderr is gone there is nobody to tell; the exit code still says it.
        let _ = self.write(&mut io::stderr().lock());
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (depth, words) in self.chain().iter().enumerate() {
            let lead = if depth == 0 { "error" } else { "  caused by" };
            writeln!(out, "{lead}: {words}")?;
        }
        for step in &self.next {
            writeln!(out, "next: {}:\n  {}", step.words, step.command)?;
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let code = |kind| Exit::from(kind).code();
        assert_eq!(code(ErrorKind::InvalidInput), 2);
        assert_eq!((code(ErrorKind::Locked), code(ErrorKind::Resumable)), (3, 3));
        assert_eq!((code(ErrorKind::Rejected), code(ErrorKind::Unproven), code(ErrorKind::Aborted)), (1, 1, 1));
    }

    #[test]
    fn the_chain_is_printed_once_and_the_command_last() {
        let error = anyhow::anyhow!("below").context("below").context("above");
        let next = vec![Step { words: "continue".into(), command: "oss cp a oss://b/".into() }];
        let mut out = Vec::new();
        Failure { exit: Exit::Again, error, next }.write(&mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "error: above\n  caused by: below\nnext: continue:\n  oss cp a oss://b/\n");
    }
}
