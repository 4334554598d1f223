//! The `oss` command: uploads a file to Alibaba Cloud OSS, goes on where it was stopped, and proves what it stored.
//!
//! Exit codes: 0 done and verified; 2 usage (nothing was sent); 3 the same command continues; 1 something has to change
//! first; 4 done and verified, but the callback failed or its outcome was lost. On 1 and 3 the last line of stderr is the
//! command to type next.

mod abort;
mod advice;
mod args;
mod connection;
mod cp;
mod embedded;
mod failure;
mod interrupts;
mod json;
mod log;
mod presign;
mod progress;
mod quantity;
mod readdress;
mod recording;
mod reporter;
mod serve;
mod shell;
mod stats;
mod target;
mod timeline;
mod trace;

use args::{Args, Command};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    if args.debug {
        log::to_stderr();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            // As a task: the upload then runs on the threads of its connections, and no part wakes another thread to say
            // that it is done.
            let outcome =
                runtime.block_on(runtime.spawn(run(args))).unwrap_or_else(|ended| match ended.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(ended) => Err(Failure::again(anyhow::Error::new(ended).context("the upload was broken off"))),
                });
            // A file read that nobody waits for any more must not hold the exit up.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::again(anyhow::Error::new(error).context("no threads can be started"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit.into()
        }
    }
}

async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Cp(args) => cp::run(*args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Presign(args) => presign::run(args).await,
        Command::Abort(args) => abort::run(args).await,
    }
}
