"""The first SDK: PyPI `oss2`."""

import oss2

NAME = "oss2"
REGION = "cn-hangzhou"


class Client:
    def __init__(self, endpoint, access_key_id, access_key_secret, version):
        auth = {"v1": oss2.Auth, "v4": oss2.AuthV4}[version]
        self.auth, self.endpoint = auth(access_key_id, access_key_secret), endpoint

    def bucket(self, name):
        return Bucket(oss2.Bucket(self.auth, self.endpoint, name, region=REGION))


class Stop(Exception):
    pass


class Bucket:
    def __init__(self, bucket):
        self.bucket = bucket

    def put(self, key, content, meta):
        self.bucket.put_object(key, content, headers={f"x-oss-meta-{name}": value for name, value in meta.items()})

    def sibling(self, suffix):
        bucket = self.bucket
        return Bucket(oss2.Bucket(bucket.auth, bucket.endpoint, bucket.bucket_name + suffix, region=REGION))

    HEADERS = {
        "cache_control": "Cache-Control", "content_disposition": "Content-Disposition", "content_type": "Content-Type",
        "storage_class": "x-oss-storage-class", "tagging": "x-oss-tagging", "acl": "x-oss-object-acl",
        "encryption": "x-oss-server-side-encryption", "forbid_overwrite": "x-oss-forbid-overwrite",
        "traffic_limit": "x-oss-traffic-limit", "request_payer": "x-oss-request-payer", "callback": "x-oss-callback",
    }

    def put_with(self, key, content, options):
        put = self.bucket.put_object(key, content, headers={self.HEADERS[name]: value for name, value in options.items()})
        return {"version": put.versionid, "callback": put.resp.read() if "callback" in options else None}

    def describe(self, key):
        headers = self.bucket.head_object(key).headers
        return {name: headers.get(header) for name, header in self.HEADERS.items()} | {
            "tags": headers.get("x-oss-tagging-count"), "version": headers.get("x-oss-version-id")}

    def acl(self, key):
        return self.bucket.get_object_acl(key).acl

    def set_acl(self, key, acl):
        self.bucket.put_object_acl(key, acl)

    def tags(self, key):
        return dict(self.bucket.get_object_tagging(key).tag_set.tagging_rule)

    def set_tags(self, key, tags):
        rule = oss2.models.TaggingRule()
        for name, value in tags.items():
            rule.add(name, value)
        self.bucket.put_object_tagging(key, oss2.models.Tagging(rule))

    def delete_tags(self, key):
        self.bucket.delete_object_tagging(key)

    def set_versioning(self, status):
        config = oss2.models.BucketVersioningConfig()
        config.status = status
        self.bucket.put_bucket_versioning(config)

    def versioning(self):
        return self.bucket.get_bucket_versioning().status

    def get_version(self, key, version):
        return self.bucket.get_object(key, params={"versionId": version}).read()

    def list_versions(self):
        found, result = [], None
        while result is None or result.is_truncated:
            markers = {} if result is None else {
                "key_marker": result.next_key_marker, "versionid_marker": result.next_versionid_marker}
            result = self.bucket.list_object_versions(max_keys=2, **markers)
            found += [(each.key, each.versionid) for each in result.versions + result.delete_marker]
        return found

    def delete_version(self, key, version=None):
        deleted = self.bucket.delete_object(key, params={"versionId": version} if version else None)
        return {"marker": bool(deleted.delete_marker), "version": deleted.versionid}

    def complete_with(self, key, upload, etags, options):
        parts = [oss2.models.PartInfo(number, etag) for number, etag in etags]
        headers = {self.HEADERS[name]: value for name, value in options.items()}
        done = self.bucket.complete_multipart_upload(key, upload, parts, headers=headers)
        return {"version": done.versionid, "callback": done.resp.read() if "callback" in options else None}

    def get(self, key):
        return self.bucket.get_object(key).read()

    def get_range(self, key, first, last):
        return self.bucket.get_object(key, byte_range=(first, last)).read()

    def head(self, key):
        head = self.bucket.head_object(key)
        prefix = "x-oss-meta-"
        meta = {name[len(prefix):]: value for name, value in head.headers.items() if name.lower().startswith(prefix)}
        return {"size": head.content_length, "meta": meta}

    def list(self, prefix):
        one = [found.key for found in oss2.ObjectIterator(self.bucket, prefix=prefix, max_keys=2)]
        two = [found.key for found in oss2.ObjectIteratorV2(self.bucket, prefix=prefix, max_keys=2)]
        assert one == two, (one, two)
        return one

    def delete(self, key):
        self.bucket.delete_object(key)

    def upload_file(self, key, path, part_size, folder):
        self._upload(key, path, part_size, folder, None)

    def upload_file_stopped(self, key, path, part_size, folder, after):
        def progress(sent, _total):
            if sent and sent > after:
                raise Stop

        try:
            self._upload(key, path, part_size, folder, progress)
        except Stop:
            return True
        return False

    def _upload(self, key, path, part_size, folder, progress):
        oss2.resumable_upload(
            self.bucket, key, path, store=oss2.ResumableStore(root=folder), multipart_threshold=part_size,
            part_size=part_size, num_threads=1, progress_callback=progress,
        )

    def begin(self, key):
        return self.bucket.init_multipart_upload(key).upload_id

    def part(self, key, upload, number, content):
        return self.bucket.upload_part(key, upload, number, content).etag

    def parts(self, key, upload):
        return [(part.part_number, part.size) for part in oss2.PartIterator(self.bucket, key, upload, max_parts=2)]

    def complete(self, key, upload, etags):
        parts = [oss2.models.PartInfo(number, etag) for number, etag in etags]
        self.bucket.complete_multipart_upload(key, upload, parts)

    def abort(self, key, upload):
        self.bucket.abort_multipart_upload(key, upload)

    def uploads(self):
        return [upload.upload_id for upload in oss2.MultipartUploadIterator(self.bucket, max_uploads=2)]

    def presign(self, method, key):
        return self.bucket.sign_url(method, key, 600, slash_safe=True)

    def error_of(self, call):
        try:
            call()
        except oss2.exceptions.OssError as error:
            return error.status, error.code
        return None
