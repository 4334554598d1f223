//! One run of the whole: what every row needs, and the rows in order.

use crate::measure::{self, Cost};
use crate::sink::{Process, ProcessOptions};
use crate::spread::Runner;
use crate::{machine, network, report, rows};
use clap::Args;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The command under test
    #[arg(long)]
    pub(crate) oss: PathBuf,
    /// Where data and report go
    #[arg(long)]
    pub(crate) folder: PathBuf,
    /// An eighth of the data and two rounds: to see that it works, not to quote
    #[arg(long)]
    pub(crate) quick: bool,
    /// Other clients beside ours, from the folder where they were installed
    #[arg(long)]
    pub(crate) peers: Option<PathBuf>,
    /// These rows alone
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Congestion control was dealt with; said in the report
    #[arg(long, hide = true)]
    congestion: Option<String>,
}

/// What every row needs.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) me: PathBuf,
    pub(crate) oss: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) quick: bool,
    pub(crate) peers: Option<PathBuf>,
}

/// Runs all rows and writes the report; a row that cannot be measured says why, and the others go on.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let me = std::env::current_exe()?;
    rows::are_known(&options.only)?;
    let Some(congestion) = &options.congestion else { return network::again_with_cubic(&me) };
    let (began, machine) = (Instant::now(), machine::described());
    std::fs::create_dir_all(&options.folder)?;
    let bench = Bench {
        me,
        oss: options.oss.canonicalize()?,
        folder: options.folder.canonicalize()?,
        quick: options.quick,
        peers: options.peers.clone(),
    };
    let mut sections = Vec::new();
    for (name, measure) in rows::ALL {
        if !options.only.is_empty() && !options.only.iter().any(|only| only == name) {
            continue;
        }
        eprintln!("measuring: {name}");
        let subject_began = Instant::now();
        let measured = measure(&bench).unwrap_or_else(|error| rows::not_measured(name, &error));
        for section in &measured {
            eprintln!("{}", report::section(section));
        }
        eprintln!("measured: {name}, {} s", subject_began.elapsed().as_secs());
        sections.extend(measured);
    }
    let circumstances =
        format!("{machine}; measured in {} s. TCP congestion control: {congestion}.", began.elapsed().as_secs());
    report::write(&bench, &circumstances, &sections)
}

impl Bench {
    /// `full`, or an eighth of it.
    pub(crate) fn sized(&self, full: u64) -> u64 {
        if self.quick { full / 8 } else { full }
    }

    pub(crate) fn rounds(&self, full: usize) -> usize {
        if self.quick { 2 } else { full }
    }

    pub(crate) fn sink(&self, options: &ProcessOptions) -> io::Result<Process> {
        Process::start(&self.me, options)
    }

    /// One of our own programs.
    pub(crate) fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.me);
        command.args(words);
        command
    }

    /// `oss cp` of a file to the sink.
    pub(crate) fn oss_cp(&self, file: &Path, sink: &Process, words: &[&str]) -> Command {
        let mut command = Command::new(&self.oss);
        command.arg("cp").arg(file).arg("oss://bench/big").args(["--quiet", "--region", "cn-hangzhou", "--endpoint"]);
        command.arg(sink.endpoint()).args(words);
        if let Some(ca) = &sink.tls {
            command.arg("--ca-file").arg(ca);
        }
        for (name, value) in [("OSS_ACCESS_KEY_ID", "bench"), ("OSS_ACCESS_KEY_SECRET", "bench-secret")] {
            command.env(name, value);
        }
        command
    }

    pub(crate) fn cost(&self, command: &Command) -> io::Result<Cost> {
        measure::run(&self.me, &self.folder, command, None)
    }

    /// While the pages of `file` are dropped as they are made.
    pub(crate) fn cost_without_pages(&self, command: &Command, file: &Path) -> io::Result<Cost> {
        measure::run(&self.me, &self.folder, command, Some(file))
    }

    /// A side that runs one command.
    pub(crate) fn runner<'a>(&'a self, name: &str, command: Command) -> Runner<'a> {
        (name.to_owned(), Box::new(move || self.cost(&command)))
    }
}
