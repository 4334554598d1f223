"""`upload_oss2.py PORT FILE`: oss2.resumable_upload, 3 parts of 8 MiB in flight."""

import sys
import tempfile

import oss2

port, file = sys.argv[1:]
bucket = oss2.Bucket(oss2.Auth("bench", "bench-secret"), f"http://127.0.0.1:{port}", "bench")
with tempfile.TemporaryDirectory() as folder:
    oss2.resumable_upload(
        bucket,
        "big",
        file,
        store=oss2.ResumableStore(root=folder),
        multipart_threshold=8 << 20,
        part_size=8 << 20,
        num_threads=3,
    )
