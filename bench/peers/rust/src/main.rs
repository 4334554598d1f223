//! `oss-bench-peers CRATE PORT FILE`: uploads the file by that crate's own multipart upload, 3 parts of 8 MiB in flight.

use ali_oss_rs::multipart::MultipartUploadsOperations as _;
use ali_oss_rs::multipart_common::{CompleteMultipartUploadRequest, UploadPartRequest};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, WriteMultipart};
use std::error::Error;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const PART: u64 = 8 << 20;
const IN_FLIGHT: usize = 3;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().collect();
    let [_, name, port, file] = &words[..] else { return Err("usage: oss-bench-peers CRATE PORT FILE".into()) };
    let port: u16 = port.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match name.as_str() {
        "object_store" => runtime.block_on(by_object_store(port, file)),
        "opendal" => runtime.block_on(by_opendal(port, file)),
        "ali-oss-rs" => runtime.block_on(by_ali_oss_rs(port, file)),
        _ => Err("which crate?".into()),
    }
}

/// The file, a part at a time: these crates take buffers.
fn parts(file: &str) -> std::io::Result<impl Iterator<Item = std::io::Result<Vec<u8>>>> {
    let mut file = File::open(file)?;
    Ok(std::iter::from_fn(move || {
        let mut part = Vec::with_capacity(PART as usize);
        match file.by_ref().take(PART).read_to_end(&mut part) {
            Ok(0) => None,
            Ok(_) => Some(Ok(part)),
            Err(error) => Some(Err(error)),
        }
    }))
}

async fn by_object_store(port: u16, file: &str) -> Outcome {
    let store = AmazonS3Builder::new()
        .with_endpoint(format!("http://127.0.0.1:{port}"))
        .with_allow_http(true)
        .with_bucket_name("bench")
        .with_region("cn-hangzhou")
        .with_access_key_id("bench")
        .with_secret_access_key("bench-secret")
        .with_unsigned_payload(true)
        .build()?;
    let upload = store.put_multipart(&Path::from("big")).await?;
    let mut write = WriteMultipart::new_with_chunk_size(upload, PART as usize);
    for part in parts(file)? {
        write.wait_for_capacity(IN_FLIGHT).await?;
        write.put(part?.into());
    }
    write.finish().await?;
    Ok(())
}

async fn by_opendal(port: u16, file: &str) -> Outcome {
    let service = opendal::services::S3::default()
        .bucket("bench")
        .endpoint(&format!("http://127.0.0.1:{port}"))
        .region("cn-hangzhou")
        .access_key_id("bench")
        .secret_access_key("bench-secret")
        .disable_config_load()
        .disable_ec2_metadata();
    let operator = opendal::Operator::new(service)?;
    let mut writer = operator.writer_with("big").chunk(PART as usize).concurrent(IN_FLIGHT).await?;
    for part in parts(file)? {
        writer.write(part?).await?;
    }
    writer.close().await?;
    Ok(())
}

async fn by_ali_oss_rs(port: u16, file: &str) -> Outcome {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    // It knows only BUCKET.ENDPOINT.
    let http = reqwest::Client::builder().resolve("bench.sink.test", address).no_proxy().build()?;
    let client = ali_oss_rs::ClientBuilder::new("bench", "bench-secret", format!("http://sink.test:{port}"))
        .region("cn-hangzhou")
        .scheme("http")
        .client(http)
        .build()?;
    let size = std::fs::metadata(file)?.len();
    let upload_id = client.initiate_multipart_uploads("bench", "big", None).await?.upload_id;
    let (client, next) = (Arc::new(client), Arc::new(AtomicU64::new(0)));
    let workers: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (client, next, upload_id, file) = (client.clone(), next.clone(), upload_id.clone(), file.to_owned());
            tokio::spawn(async move {
                let mut sent = Vec::new();
                loop {
                    let index = next.fetch_add(1, Relaxed);
                    let range = index * PART..(index * PART + PART).min(size);
                    if range.start >= size {
                        return Ok::<_, ali_oss_rs::error::Error>(sent);
                    }
                    let number = index as u32 + 1;
                    let request = UploadPartRequest::new(number, &upload_id);
                    let done = client.upload_part_from_file("bench", "big", &file, range, request).await?;
                    sent.push((number, done.etag));
                }
            })
        })
        .collect();
    let mut parts = Vec::new();
    for worker in workers {
        parts.extend(worker.await??);
    }
    parts.sort();
    client.complete_multipart_uploads("bench", "big", CompleteMultipartUploadRequest { upload_id, parts }, None).await?;
    Ok(())
}
