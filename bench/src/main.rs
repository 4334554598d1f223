//! What an upload costs, beside the least it could cost: `cargo xtask bench` builds this and runs it.
//!
//! `run` measures everything and writes the report; the other words are the processes it starts: the server that
//! throws everything away, the floor programs, and the one that counts what a process cost.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to people")]

mod bench;
mod chart;
mod data;
mod files;
mod floor;
mod machine;
mod measure;
mod network;
mod pages;
mod report;
mod rows;
mod sink;
mod spread;
mod syscalls;

use clap::{Parser, Subcommand};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "oss-bench", about = "What an upload costs, beside the least it could cost")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures, and writes the report
    Run(bench::Options),
    /// The server that throws everything away
    Sink(sink::Options),
    /// Floor: read, CRC-64, write
    Raw(floor::raw::Options),
    /// Floor: signed requests over hyper
    BareHyper(floor::bare_hyper::Options),
    /// Floor: read and CRC-64
    Read { file: PathBuf },
    /// The library: every file of a folder
    Files(files::Options),
    /// Runs a command and writes what it cost
    Measure(measure::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("oss-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<ExitCode> {
    match command {
        Command::Run(options) => bench::run(&options)?,
        Command::Sink(options) => sink::serve(&options)?,
        Command::Raw(options) => floor::raw::run(&options)?,
        Command::BareHyper(options) => floor::bare_hyper::run(&options)?,
        Command::Read { file } => floor::read::run(&file)?,
        Command::Files(options) => files::run(&options)?,
        Command::Measure(options) => return measure::trampoline(&options),
    }
    Ok(ExitCode::SUCCESS)
}
