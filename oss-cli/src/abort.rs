//! `oss abort`: what `oss cp` tells people to type about an upload that only they can judge.

use crate::args::Abort;
use crate::failure::Failure;
use oss_client::{ErrorCode, UploadId, ops};
use std::io::{self, Write};

pub(crate) async fn run(args: Abort) -> Result<(), Failure> {
    let key = args.target.key().map_err(Failure::usage)?;
    let upload_id = UploadId::new(args.upload_id).map_err(Failure::usage)?;
    let connected = args.connection.connect().await?;
    let abort = ops::AbortMultipartUpload { bucket: args.target.bucket, key, upload_id };
    let words = match connected.client.abort_multipart_upload(&abort).await {
        Ok(_) => "deleted",
        Err(error) if error.service().is_some_and(|service| service.code == ErrorCode::NO_SUCH_UPLOAD) => {
            "gone already"
        }
        Err(error) => return Err(Failure::of_call(error)),
    };
    connected.close().await;
    // The exit code says it too, when stderr is gone.
    let _ = writeln!(io::stderr(), "upload {}: {words}", abort.upload_id);
    Ok(())
}
