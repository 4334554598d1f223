//! What is told of an attempt to whoever listens, and what never is.

use crate::call::{SECRET, TOKEN, delete, done, put, refusal, scene};
use bytes::Bytes;
use std::io;
use std::sync::{Arc, Mutex};
use tracing::Level;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that is told while `work` goes on.
async fn told(work: impl Future<Output = ()>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    work.await;
    drop(guard);
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_told_with_all_that_support_asks_for() {
    let scene = scene([refusal(503, "SlowDown", "<EC>0048-1</EC>"), done(200)]);
    let log = told(async { drop(scene.caller.call(&put(), Bytes::from("12345")).await.unwrap()) }).await;
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    let has = |line: usize, words: &[&str]| {
        words.iter().for_each(|word| assert!(lines[line].contains(word), "{word}: {log}"))
    };
    has(0, &["failed", "PutObject", "bucket.oss-cn-hangzhou", "503", "SlowDown", "R1", "0048-1", "bytes=5", "ms="]);
    has(1, &["trying again", "PutObject", "delay="]);
    has(2, &["answered", "PutObject", "200", "R2"]);
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_does_not_match_shows_both_strings_to_sign_without_the_token() {
    let theirs = format!("<StringToSign>PUT\nx-oss-security-token:{TOKEN}\n/a&amp;b</StringToSign>");
    let scene = scene([refusal(403, "SignatureDoesNotMatch", &theirs)]);
    let log = told(async { drop(scene.caller.call(&delete(), Bytes::new()).await.unwrap_err()) }).await;
    assert!(log.contains("OSS4-HMAC-SHA256\\n"), "ours: {log}");
    assert!(log.contains("x-oss-security-token:[redacted]\\n/a&b"), "theirs, unescaped: {log}");
    assert!(log.contains("UNSIGNED-PAYLOAD"), "our canonical request: {log}");
    let signature = scene.header(0, "authorization").rsplit_once("Signature=").unwrap().1.to_owned();
    for secret in [SECRET, TOKEN, signature.as_str()] {
        assert!(!log.contains(secret), "{log}");
    }
}
