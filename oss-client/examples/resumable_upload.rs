//! Uploads a file; run it again after a kill, and it goes on where it was.
//!
//! ```text
//! export OSS_ACCESS_KEY_ID=… OSS_ACCESS_KEY_SECRET=… OSS_REGION=cn-hangzhou
//! cargo run --example resumable_upload -- BUCKET KEY PATH
//! ```
//! `OSS_ENDPOINT` names another server than the region's public one: with `oss serve` running, its address.

use oss_client::{Client, Event, Progress, UploadObjectRequest};
use std::error::Error;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let [bucket, key, path] = match <[String; 3]>::try_from(std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(arguments) => arguments,
        Err(_) => return fail("usage: resumable_upload BUCKET KEY PATH"),
    };
    match upload(bucket, key, path).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = std::iter::successors(Some(&error as &dyn Error), |&error| error.source());
            let words: Vec<_> = causes.map(ToString::to_string).collect();
            let next = if error.is_resumable() { " (run it again to go on)" } else { "" };
            fail(&format!("{}{next}", words.join(": ")))
        }
    }
}

async fn upload(bucket: String, key: String, path: String) -> Result<(), oss_client::Error> {
    let mut builder = Client::builder();
    if let Ok(region) = std::env::var("OSS_REGION") {
        builder = builder.region(region);
    }
    if let Ok(endpoint) = std::env::var("OSS_ENDPOINT") {
        builder = builder.endpoint(endpoint);
    }
    let client = builder.build()?;

    let progress = Progress::default();
    let shown = progress.clone();
    let request =
        UploadObjectRequest::new(bucket, key, path).progress(&progress).on_event(move |event, _| show(event, &shown));
    let done = client.resumable_upload_object(request).await?;
    say(&format!("verified crc64={}: {} bytes sent, {} reused", done.crc64, done.bytes_sent, done.bytes_reused));
    Ok(())
}

fn show(event: &Event, progress: &Progress) {
    match event {
        Event::Resumed { bytes_listed, .. } => say(&format!("resuming: the server has {bytes_listed} bytes")),
        Event::Part { number, reused, .. } => {
            let how = if *reused { "reused" } else { "sent" };
            say(&format!("part {number} {how}, {} of {} bytes", progress.done(), progress.total()));
        }
        Event::Notice(notice) => say(&notice.to_string()),
        _ => {}
    }
}

#[expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]
fn say(words: &str) {
    println!("{words}");
}

#[expect(clippy::print_stderr, reason = "an example talks to whoever runs it")]
fn fail(words: &str) -> ExitCode {
    eprintln!("{words}");
    ExitCode::FAILURE
}
