//! Parts in flight found by measuring, over real sockets behind a shaped link.

use oss_emulator::{Link, Operation};
use oss_http::{Signer, Timeouts};
use oss_multipart::{Span, SpanEnd, SpanKind, UploadObjectRequest};
use oss_tests::{BUCKET, World};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 6 MB/s for all and 1 MB/s for each: three connections bring half of what there is, six all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_are_opened_where_they_pay_and_the_object_is_the_file() {
    const SIZE: u64 = 40 * 1024 * 1024;
    let round_trip = Duration::from_millis(20);
    let link = Link { connection_bandwidth: Some(1_000_000), bandwidth: Some(6_000_000), round_trip };
    let world = World::with(|builder| builder.link(link));
    let (caller, serving) = world.socket(Signer::v4("cn-hangzhou"), Timeouts::default()).await;
    let path = world.file("auto.bin", oss_tests::bytes(usize::try_from(SIZE).unwrap()));
    let spans = Arc::<Mutex<Vec<Span>>>::default();
    let seen = spans.clone();
    let request = UploadObjectRequest::new(BUCKET, "auto.bin", path)
        .part_size(512 * 1024)
        .parallel_auto()
        .on_span(move |span| seen.lock().unwrap().push(span.clone()));
    let done = oss_multipart::upload(&caller, "cn-hangzhou", request).await.unwrap();
    assert_eq!((done.size, done.retries), (SIZE, 0));
    assert_eq!(world.emulator.object(BUCKET, "auto.bin").unwrap().crc64, done.crc64);

    let spans = std::mem::take(&mut *spans.lock().unwrap());
    let sends: Vec<_> = spans.iter().filter(|span| span.kind == SpanKind::Send).collect();
    assert_eq!(sends.len(), world.requests(Operation::UploadPart).len());
    assert!(sends.iter().all(|span| span.end == SpanEnd::Done && span.bytes_given == span.bytes));
    let in_order = |span: &&Span| {
        let (asked, given) = (span.asked.unwrap(), span.given.unwrap());
        span.began <= asked && asked <= given && given <= span.ended
    };
    assert!(sends.iter().all(in_order));
    let at_once = |at: Duration| sends.iter().filter(|span| span.began <= at && at < span.ended).count();
    assert_eq!(at_once(sends[0].ended - Duration::from_micros(1)), 3, "it begins like any upload");
    let most = sends.iter().map(|span| at_once(span.began)).max().unwrap();
    assert!((5..=24).contains(&most), "{most}");
    drop(world);
    serving.shutdown().await;
}
