"""The second SDK: PyPI `alibabacloud-oss-v2`."""

import datetime

import alibabacloud_oss_v2 as oss

NAME = "alibabacloud_oss_v2"
REGION = "cn-hangzhou"


class Client:
    def __init__(self, endpoint, access_key_id, access_key_secret, version):
        config = oss.config.load_default()
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(access_key_id, access_key_secret)
        config.region, config.endpoint, config.signature_version = REGION, endpoint, version
        config.retry_max_attempts = 1
        self.client = oss.Client(config)

    def bucket(self, name):
        return Bucket(self.client, name)


def raw(text):
    return text.encode() if isinstance(text, str) else text


class Stop(Exception):
    pass


class Bucket:
    def __init__(self, client, name):
        self.client, self.name = client, name

    def put(self, key, content, meta):
        self.client.put_object(oss.PutObjectRequest(bucket=self.name, key=key, body=content, metadata=meta))

    def sibling(self, suffix):
        return Bucket(self.client, self.name + suffix)

    NAMES = {"encryption": "server_side_encryption", "traffic_limit": "traffic_limit"}

    def put_with(self, key, content, options):
        named = {self.NAMES.get(name, name): value for name, value in options.items()}
        if "traffic_limit" in named:
            named["traffic_limit"] = int(named["traffic_limit"])
        put = self.client.put_object(oss.PutObjectRequest(bucket=self.name, key=key, body=content, **named))
        return {"version": put.version_id, "callback": raw(put.callback_result)}

    def describe(self, key):
        head = self.client.head_object(oss.HeadObjectRequest(bucket=self.name, key=key))
        return {
            "cache_control": head.cache_control, "content_disposition": head.content_disposition,
            "content_type": head.content_type, "storage_class": head.storage_class,
            "encryption": head.server_side_encryption, "version": head.version_id,
            "tags": None if head.tagging_count is None else str(head.tagging_count),
        }

    def acl(self, key):
        return self.client.get_object_acl(oss.GetObjectAclRequest(bucket=self.name, key=key)).acl

    def set_acl(self, key, acl):
        self.client.put_object_acl(oss.PutObjectAclRequest(bucket=self.name, key=key, acl=acl))

    def tags(self, key):
        got = self.client.get_object_tagging(oss.GetObjectTaggingRequest(bucket=self.name, key=key))
        return {tag.key: tag.value for tag in got.tag_set.tags or []}

    def set_tags(self, key, tags):
        tags = [oss.Tag(key=name, value=value) for name, value in tags.items()]
        tagging = oss.Tagging(tag_set=oss.TagSet(tags=tags))
        self.client.put_object_tagging(oss.PutObjectTaggingRequest(bucket=self.name, key=key, tagging=tagging))

    def delete_tags(self, key):
        self.client.delete_object_tagging(oss.DeleteObjectTaggingRequest(bucket=self.name, key=key))

    def set_versioning(self, status):
        config = oss.VersioningConfiguration(status=status)
        self.client.put_bucket_versioning(
            oss.PutBucketVersioningRequest(bucket=self.name, versioning_configuration=config))

    def versioning(self):
        return self.client.get_bucket_versioning(
            oss.GetBucketVersioningRequest(bucket=self.name)).version_status

    def get_version(self, key, version):
        request = oss.GetObjectRequest(bucket=self.name, key=key, version_id=version)
        return self.client.get_object(request).body.read()

    def list_versions(self):
        pages = self.client.list_object_versions_paginator()
        request = oss.ListObjectVersionsRequest(bucket=self.name, max_keys=2)
        return [(each.key, each.version_id) for page in pages.iter_page(request)
                for each in (page.version or []) + (page.delete_marker or [])]

    def delete_version(self, key, version=None):
        deleted = self.client.delete_object(oss.DeleteObjectRequest(bucket=self.name, key=key, version_id=version))
        return {"marker": bool(deleted.delete_marker), "version": deleted.version_id}

    def complete_with(self, key, upload, etags, options):
        parts = [oss.UploadPart(part_number=number, etag=etag) for number, etag in etags]
        done = self.client.complete_multipart_upload(oss.CompleteMultipartUploadRequest(
            bucket=self.name, key=key, upload_id=upload,
            complete_multipart_upload=oss.CompleteMultipartUpload(parts=parts), **options,
        ))
        return {"version": done.version_id, "callback": raw(done.callback_result)}

    def get(self, key):
        return self.client.get_object(oss.GetObjectRequest(bucket=self.name, key=key)).body.read()

    def get_range(self, key, first, last):
        request = oss.GetObjectRequest(bucket=self.name, key=key, range_header=f"bytes={first}-{last}")
        return self.client.get_object(request).body.read()

    def head(self, key):
        head = self.client.head_object(oss.HeadObjectRequest(bucket=self.name, key=key))
        return {"size": head.content_length, "meta": dict(head.metadata or {})}

    def list(self, prefix):
        pages = self.client.list_objects_v2_paginator()
        request = oss.ListObjectsV2Request(bucket=self.name, prefix=prefix, max_keys=2)
        return [found.key for page in pages.iter_page(request) for found in page.contents or []]

    def delete(self, key):
        self.client.delete_object(oss.DeleteObjectRequest(bucket=self.name, key=key))

    def upload_file(self, key, path, part_size, folder):
        self._uploader(part_size, folder).upload_file(oss.PutObjectRequest(bucket=self.name, key=key), path)

    def upload_file_stopped(self, key, path, part_size, folder, after):
        sent = 0

        def progress(increment, _written, _total):
            nonlocal sent
            sent += increment
            if sent > after:
                raise Stop

        request = oss.PutObjectRequest(bucket=self.name, key=key, progress_fn=progress)
        try:
            self._uploader(part_size, folder).upload_file(request, path)
        except Exception:
            return True
        return False

    def _uploader(self, part_size, folder):
        return self.client.uploader(
            part_size=part_size, parallel_num=1, leave_parts_on_error=True, enable_checkpoint=True, checkpoint_dir=folder,
        )

    def begin(self, key):
        request = oss.InitiateMultipartUploadRequest(bucket=self.name, key=key)
        return self.client.initiate_multipart_upload(request).upload_id

    def part(self, key, upload, number, content):
        request = oss.UploadPartRequest(bucket=self.name, key=key, upload_id=upload, part_number=number, body=content)
        return self.client.upload_part(request).etag

    def parts(self, key, upload):
        pages = self.client.list_parts_paginator()
        request = oss.ListPartsRequest(bucket=self.name, key=key, upload_id=upload, max_parts=2)
        return [(part.part_number, part.size) for page in pages.iter_page(request) for part in page.parts or []]

    def complete(self, key, upload, etags):
        parts = [oss.UploadPart(part_number=number, etag=etag) for number, etag in etags]
        self.client.complete_multipart_upload(oss.CompleteMultipartUploadRequest(
            bucket=self.name, key=key, upload_id=upload,
            complete_multipart_upload=oss.CompleteMultipartUpload(parts=parts),
        ))

    def abort(self, key, upload):
        self.client.abort_multipart_upload(
            oss.AbortMultipartUploadRequest(bucket=self.name, key=key, upload_id=upload))

    def uploads(self):
        pages = self.client.list_multipart_uploads_paginator()
        request = oss.ListMultipartUploadsRequest(bucket=self.name, max_uploads=2)
        return [upload.upload_id for page in pages.iter_page(request) for upload in page.uploads or []]

    def presign(self, method, key):
        request = {"GET": oss.GetObjectRequest, "PUT": oss.PutObjectRequest}[method](bucket=self.name, key=key)
        return self.client.presign(request, expires=datetime.timedelta(minutes=10)).url

    def error_of(self, call):
        try:
            call()
        except oss.exceptions.OperationError as error:
            cause = error.unwrap()
            return cause.status_code, cause.code
        return None
