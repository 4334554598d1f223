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
