//! What becomes part of the object is bound to the upload; what belongs to a request is not.

use crate::superseded::forge;
use crate::watched::{
    KEY, NO_PART, PART, checkpoint, interrupted_after, put_object, request, requests_so_far, steps_after,
    upload_on_server, watch,
};
use oss_emulator::Operation;
use oss_multipart::{Notice, UploadError, UploadObjectRequest, Why};
use oss_proto::{ObjectHeaders, TrafficLimit};
use oss_tests::{BUCKET, World, bytes};
use std::path::Path;

fn headers(pairs: &[(&str, &str)]) -> ObjectHeaders {
    let mut headers = ObjectHeaders::new();
    pairs.iter().for_each(|(name, value)| headers.set(name, value).unwrap());
    headers
}

fn named(key: &str, path: &Path) -> UploadObjectRequest {
    UploadObjectRequest::new(BUCKET, key, path).part_size(PART as u64)
}

#[tokio::test]
async fn the_content_type_is_guessed_from_the_name_unless_it_is_given() {
    for size in [10, 2 * PART] {
        let world = World::new();
        let path = world.file("page.json", bytes(size));
        let given = headers(&[("content-type", "text/x-own")]);
        for (key, request, expected) in [
            ("site/index.html", named("site/index.html", &path), "text/html"),
            ("today", named("today", &path), "application/json"),
            ("own.html", named("own.html", &path).headers(given), "text/x-own"),
            ("photo.unheard-of", named("photo.unheard-of", &path), "application/json"),
        ] {
            watch(&world, request).await.done();
            assert_eq!(world.emulator.object(BUCKET, key).unwrap().headers["content-type"], expected, "{key} {size}");
        }
    }
}

#[tokio::test]
async fn a_guessed_type_is_no_reason_to_start_afresh_nor_is_the_same_one_given() {
    for given in [headers(&[]), headers(&[("content-type", "application/octet-stream")])] {
        let world = World::new();
        let path = world.file("a.bin", bytes(4 * PART));
        interrupted_after(&world, request(&path), 2).await;
        let run = watch(&world, request(&path).headers(given)).await;
        assert_eq!(run.done().parts_reused, 2);
    }
}

#[tokio::test]
async fn an_upload_begun_before_types_were_guessed_is_resumed() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    let asked = || headers(&[("x-oss-meta-a", "b")]);
    interrupted_after(&world, request(&path).headers(asked()), 2).await;
    forge(&checkpoint(&world).unwrap(), |earlier| {
        assert_eq!(earlier.job.headers.get("content-type"), Some("application/octet-stream"));
        earlier.job.headers = asked();
    });

    let run = watch(&world, request(&path).headers(asked())).await;

    assert_eq!(run.done().parts_reused, 2);
    assert_eq!(world.requests(Operation::InitiateMultipartUpload).len(), 1);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_resume_with_other_headers_is_a_new_upload_in_words_that_name_them() {
    let begun = [("cache-control", "no-cache"), ("x-oss-meta-a", "1"), ("x-oss-object-acl", "private")];
    let others: [(&[(&str, &str)], &str); 3] = [
        (&[("cache-control", "no-store"), ("x-oss-meta-a", "1"), ("x-oss-object-acl", "private")], ": cache-control"),
        (&[("cache-control", "no-cache"), ("x-oss-object-acl", "private")], ": x-oss-meta-a"),
        (
            &[("cache-control", "no-cache"), ("x-oss-meta-a", "1"), ("x-oss-storage-class", "IA")],
            ": x-oss-object-acl, x-oss-storage-class",
        ),
    ];
    for (other, words) in others {
        let world = World::new();
        let path = world.file("a.bin", bytes(4 * PART));
        interrupted_after(&world, request(&path).headers(headers(&begun)), 2).await;
        let (earlier, _) = upload_on_server(&world);
        let before = requests_so_far(&world);

        let run = watch(&world, request(&path).headers(headers(other))).await;

        run.done();
        assert!(run.said(|n| matches!(n, Notice::Afresh(why) if why.ends_with(words))), "{words}: {:?}", run.events);
        assert!(run.said(|n| matches!(n, Notice::Freed { upload_id, .. } if upload_id.as_str() == earlier)));
        assert!(steps_after(&world, before).contains(&Operation::AbortMultipartUpload));
        let stored = world.emulator.object(BUCKET, KEY).unwrap().headers;
        assert!(other.iter().all(|(name, value)| stored[*name] == *value), "{stored:?}");
    }
}

#[tokio::test]
async fn what_belongs_to_a_request_binds_no_upload() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 2).await;
    let limited = request(&path).traffic_limit(TrafficLimit::new(838_860_800).unwrap());
    let caller = world.caller().with_requester_pays(true);
    let done = oss_multipart::upload(&caller, oss_tests::REGION, limited).await.unwrap();
    assert_eq!(done.parts_reused, 2);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn headers_that_do_not_fit_each_other_are_refused_before_any_request() {
    let world = World::new();
    let path = world.file("a.bin", bytes(10));
    let run = watch(&world, request(&path).headers(headers(&[("x-oss-server-side-encryption-key-id", "k")]))).await;
    assert!(matches!(run.result, Err(UploadError::Name(_))), "{:?}", run.result);
    assert_eq!(requests_so_far(&world), 0);
}

#[tokio::test]
async fn whether_an_object_may_be_replaced_is_said_anew_by_every_run() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 2).await;
    put_object(&world, b"theirs").await;

    let run = watch(&world, request(&path).headers(headers(&[("x-oss-forbid-overwrite", "true")]))).await;
    assert_eq!(run.why(), Why::AlreadyExists);
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), "theirs");

    let before = requests_so_far(&world);
    let run = watch(&world, request(&path)).await;
    assert_eq!((run.done().parts_sent, world.parts_sent(before)), (0, NO_PART.to_vec()));
    assert_eq!(world.requests(Operation::InitiateMultipartUpload).len(), 1);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}
