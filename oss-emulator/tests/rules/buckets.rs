use crate::client::{Ask, Client, builder, list, put, refused};
use http::Method;

fn of(bucket: &str, ask: Ask) -> Ask {
    Ask { bucket: Some(bucket.to_owned()), ..ask }
}

#[tokio::test]
async fn buckets_are_made_listed_and_deleted_when_empty() {
    let client = Client::new(builder());
    assert_eq!(client.send(of("other", list(Method::PUT))).await.status, 200);
    client.send(of("other", put("k", "x"))).await;
    let answer = client.send(Ask { bucket: None, ..list(Method::GET) }).await;
    let buckets = answer.xml();
    let names: Vec<_> =
        buckets.child("Buckets").unwrap().children_named("Bucket").map(|b| b.text_of("Name").unwrap()).collect();
    assert_eq!(names, ["media", "other"]);

    assert_eq!(client.send(of("other", list(Method::DELETE))).await.refusal(), refused(409, "BucketNotEmpty"));
    client.emulator.remove_object("other", "k");
    assert_eq!(client.send(of("other", list(Method::DELETE))).await.status, 204);
    assert_eq!(client.send(of("other", put("k", "x"))).await.refusal(), refused(404, "NoSuchBucket"));
}

#[tokio::test]
async fn a_bucket_is_made_on_first_use_only_when_asked() {
    let strict = Client::new(builder());
    assert_eq!(strict.send(of("fresh", put("k", "x"))).await.refusal(), refused(404, "NoSuchBucket"));
    let easy = Client::new(builder().auto_create_buckets(true));
    assert_eq!(easy.send(of("fresh", put("k", "x"))).await.status, 200);
}

#[tokio::test]
async fn a_bucket_describes_itself() {
    let client = Client::new(builder());
    let answer = client.send(list(Method::GET).bare("bucketInfo")).await;
    let info = answer.xml();
    let bucket = info.child("Bucket").unwrap();
    assert_eq!((bucket.text_of("Name"), bucket.text_of("Location")), (Some("media"), Some("oss-cn-hangzhou")));
    assert_eq!(client.send(list(Method::GET).bare("location")).await.xml().trimmed(), "oss-cn-hangzhou");
    let answer = client.send(list(Method::GET).bare("acl")).await;
    let acl = answer.xml();
    assert_eq!(acl.child("AccessControlList").unwrap().text_of("Grant"), Some("private"));
}
