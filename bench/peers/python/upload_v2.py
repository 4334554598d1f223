"""`upload_v2.py PORT FILE`: the uploader of alibabacloud-oss-v2, 3 parts of 8 MiB in flight, with its checkpoint."""

import sys
import tempfile

import alibabacloud_oss_v2 as oss

port, file = sys.argv[1:]
config = oss.config.load_default()
config.credentials_provider = oss.credentials.StaticCredentialsProvider("bench", "bench-secret")
config.region = "cn-hangzhou"
config.endpoint = f"http://127.0.0.1:{port}"
config.use_path_style = True
with tempfile.TemporaryDirectory() as folder:
    uploader = oss.Client(config).uploader(
        part_size=8 << 20, parallel_num=3, enable_checkpoint=True, checkpoint_dir=folder
    )
    uploader.upload_file(oss.PutObjectRequest(bucket="bench", key="big"), filepath=file)
