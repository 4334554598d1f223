"""The official Python SDKs against `oss serve`: what they write reads back equal, by each of them.

usage: run.py ENDPOINT ACCESS_KEY_ID ACCESS_KEY_SECRET

One line a case: `ok NAME` or `FAILED NAME: why`.
"""

import base64
import contextlib
import http.server
import json
import os
import sys
import tempfile
import threading
import traceback

import sdk_v1
import sdk_v2

KEYS = ["plain.bin", "a b+c/%41?&=#.bin", "ключ/日本語.bin", "folder//file.bin"]
PART_SIZE = 100 * 1024


def main(endpoint, access_key_id, access_key_secret):
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for sdk in (sdk_v1, sdk_v2):
            for version in ("v1", "v4"):
                client = sdk.Client(endpoint, access_key_id, access_key_secret, version)
                for case in CASES:
                    name = f"{sdk.NAME} {version} {case.__name__}"
                    bucket = f"interop-{sdk.NAME.replace('_', '-')}-{version}"
                    try:
                        case(client.bucket(bucket), folder)
                        print(f"ok {name}", flush=True)
                    except Exception as error:
                        failed += 1
                        traceback.print_exc()
                        print(f"FAILED {name}: {type(error).__name__}: {first_line(error)}", flush=True)
    return 1 if failed else 0


def first_line(error):
    return next(iter(str(error).splitlines()), "")


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found!r:.200}, expected {expected!r:.200}")


def objects_of_any_name_are_put_described_and_read(bucket, _folder):
    for key in KEYS:
        content = os.urandom(50_000)
        bucket.put(key, content, {"owner": "somebody"})
        equal(bucket.get(key) == content, True, f"content of {key}")
        head = bucket.head(key)
        equal(head["size"], len(content), "size")
        equal(head["meta"].get("owner"), "somebody", "metadata")
        equal(bucket.get_range(key, 100, 199) == content[100:200], True, "range")
    bucket.put("empty", b"", {})
    equal(bucket.get("empty"), b"", "empty object")


def listings_page_through_every_name(bucket, _folder):
    for key in KEYS:
        bucket.put(key, b"x", {})
    equal(set(KEYS) <= set(bucket.list("")), True, "keys of the bucket")
    equal(bucket.list("folder/"), ["folder//file.bin"], "keys below a prefix")


def the_sdks_own_uploader_is_understood(bucket, folder):
    for size in (0, 1, PART_SIZE, PART_SIZE + 1, 12 * PART_SIZE + 7):
        path, content = random_file(folder, size)
        bucket.upload_file("a b+c/uploaded.bin", path, PART_SIZE, folder)
        equal(bucket.get("a b+c/uploaded.bin") == content, True, f"content of {size} bytes")
    equal(bucket.uploads(), [], "uploads left open")


def an_upload_the_uploader_left_is_resumed_by_it(bucket, folder):
    path, content = random_file(folder, 8 * PART_SIZE)
    stopped = bucket.upload_file_stopped("resumed.bin", path, PART_SIZE, folder, after=4 * PART_SIZE)
    equal(stopped, True, "the first run stopped")
    equal(len(bucket.uploads()), 1, "uploads left open by the first run")
    bucket.upload_file("resumed.bin", path, PART_SIZE, folder)
    equal(bucket.get("resumed.bin") == content, True, "content")
    equal(bucket.uploads(), [], "uploads left open")


def a_multipart_upload_by_hand_is_listed_and_completed(bucket, _folder):
    content = os.urandom(2 * PART_SIZE + 5)
    pieces = [content[at : at + PART_SIZE] for at in range(0, len(content), PART_SIZE)]
    upload = bucket.begin("by hand.bin")
    etags = [(number, bucket.part("by hand.bin", upload, number, piece)) for number, piece in enumerate(pieces, 1)]
    equal([(number, size) for number, size in bucket.parts("by hand.bin", upload)],
          [(number, len(piece)) for number, piece in enumerate(pieces, 1)], "parts")
    bucket.complete("by hand.bin", upload, etags)
    equal(bucket.get("by hand.bin") == content, True, "content")

    upload = bucket.begin("aborted.bin")
    bucket.part("aborted.bin", upload, 1, pieces[0])
    bucket.abort("aborted.bin", upload)
    equal(bucket.uploads(), [], "uploads left open")


def presigned_urls_work_for_anyone(bucket, _folder):
    import requests

    content = os.urandom(1000)
    put = requests.put(bucket.presign("PUT", "presigned a+b.bin"), data=content, timeout=30)
    equal(put.status_code, 200, f"PUT: {put.text}")
    got = requests.get(bucket.presign("GET", "presigned a+b.bin"), timeout=30)
    equal(got.status_code, 200, f"GET: {got.text}")
    equal(got.content == content, True, "content")
    equal(requests.get(bucket.presign("PUT", "presigned a+b.bin"), timeout=30).status_code, 403, "GET by a URL for PUT")


def errors_carry_the_services_code(bucket, _folder):
    equal(bucket.error_of(lambda: bucket.get("no such key")), (404, "NoSuchKey"), "missing object")
    equal(bucket.error_of(lambda: bucket.head("no such key"))[0], 404, "missing object by HEAD")
    equal(bucket.error_of(lambda: bucket.abort("key", "NOSUCHUPLOAD")), (404, "NoSuchUpload"), "missing upload")


def headers_of_an_object_come_back(bucket, _folder):
    options = {
        "cache_control": "no-cache", "content_disposition": 'attachment; filename="a b"', "content_type": "text/x-own",
        "storage_class": "IA", "encryption": "AES256",
    }
    said = {"tagging": "a%20b=c%2Fd&e=f", "acl": "public-read", "traffic_limit": "819200", "request_payer": "requester"}
    bucket.put_with("described", b"x", options | said)
    found = bucket.describe("described")
    equal({name: found[name] for name in options}, options, "headers")
    equal(found["tags"], "2", "number of tags")
    equal(bucket.tags("described"), {"a b": "c/d", "e": "f"}, "tags")
    equal(bucket.acl("described"), "public-read", "ACL")


def tags_and_acls_are_changed_by_calls_of_their_own(bucket, _folder):
    bucket.put("changed", b"x", {})
    equal(bucket.acl("changed"), "default", "ACL of a new object")
    bucket.set_acl("changed", "private")
    equal(bucket.acl("changed"), "private", "ACL")
    bucket.set_tags("changed", {"owner": "Kim", "a+b": "c:d/e"})
    equal(bucket.tags("changed"), {"owner": "Kim", "a+b": "c:d/e"}, "tags")
    bucket.delete_tags("changed")
    equal(bucket.tags("changed"), {}, "tags after their deletion")
    equal(bucket.get("changed"), b"x", "content")


def what_is_refused_says_why(bucket, _folder):
    bucket.put("there", b"first", {})
    forbidden = bucket.error_of(lambda: bucket.put_with("there", b"second", {"forbid_overwrite": "true"}))
    equal(forbidden, (409, "FileAlreadyExists"), "an overwrite that is forbidden")
    for options in ({"storage_class": "Frozen"}, {"acl": "secret"}, {"traffic_limit": "1000"}, {"tagging": "a=b=c"}):
        refused = bucket.error_of(lambda: bucket.put_with("there", b"second", options))
        equal(refused, (400, "InvalidArgument"), f"{options}")
    equal(bucket.get("there"), b"first", "content")


def a_callback_is_made_and_its_answer_comes_back(bucket, _folder):
    with callback_server() as (address, seen):
        callback = {"callbackUrl": f"http://{address}/", "callbackBody": "bucket=${bucket}&size=${size}"}
        options = {"callback": base64.b64encode(json.dumps(callback).encode()).decode()}
        put = bucket.put_with("called back", b"12345", options)
        equal(json.loads(put["callback"]), {"Status": "OK"}, "answer to PutObject")
        upload = bucket.begin("called back")
        etag = bucket.part("called back", upload, 1, b"123456")
        done = bucket.complete_with("called back", upload, [(1, etag)], options)
        equal(json.loads(done["callback"]), {"Status": "OK"}, "answer to CompleteMultipartUpload")
        equal([body.split(b"&")[1] for body in seen], [b"size=5", b"size=6"], "callbacks")


def versions_are_kept_read_and_deleted(bucket, _folder):
    bucket = bucket.sibling("-versions")
    bucket.set_versioning("Enabled")
    equal(bucket.versioning(), "Enabled", "versioning")
    first = bucket.put_with("key", b"first", {})["version"]
    second = bucket.put_with("key", b"second", {})["version"]
    equal(bool(first and second and first != second), True, f"two versions: {first}, {second}")
    equal(bucket.describe("key")["version"], second, "current version")
    equal(bucket.get_version("key", first), b"first", "content of the first version")
    marker = bucket.delete_version("key")
    equal(marker["marker"], True, "a deletion puts a marker on top")
    equal(bucket.error_of(lambda: bucket.get("key")), (404, "NoSuchKey"), "a deleted object")
    equal(bucket.error_of(lambda: bucket.get_version("key", marker["version"])), (405, "MethodNotAllowed"), "a marker")
    listed = {("key", first), ("key", second), ("key", marker["version"])}
    equal(set(bucket.list_versions()), listed, "versions, page by page")
    bucket.delete_version("key", marker["version"])
    equal(bucket.get("key"), b"second", "content without the marker")
    for version in (first, second):
        equal(bucket.delete_version("key", version)["version"], version, "the version that went")
    equal(bucket.error_of(lambda: bucket.get_version("key", first)), (404, "NoSuchVersion"), "a version that went")


@contextlib.contextmanager
def callback_server():
    """Answers every POST; its address, and the bodies that came."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(self.rfile.read(int(self.headers["Content-Length"])))
            answer = b'{"Status": "OK"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "%s:%d" % server.server_address, seen
    finally:
        server.shutdown()
        server.server_close()


def everything_is_deleted(bucket, _folder):
    for key in bucket.list(""):
        bucket.delete(key)
    equal(bucket.list(""), [], "keys left")


def random_file(folder, size):
    path, content = os.path.join(folder, f"{size}.bin"), os.urandom(size)
    with open(path, "wb") as file:
        file.write(content)
    return path, content


CASES = [
    objects_of_any_name_are_put_described_and_read,
    listings_page_through_every_name,
    the_sdks_own_uploader_is_understood,
    an_upload_the_uploader_left_is_resumed_by_it,
    a_multipart_upload_by_hand_is_listed_and_completed,
    presigned_urls_work_for_anyone,
    errors_carry_the_services_code,
    headers_of_an_object_come_back,
    tags_and_acls_are_changed_by_calls_of_their_own,
    what_is_refused_says_why,
    a_callback_is_made_and_its_answer_comes_back,
    versions_are_kept_read_and_deleted,
    everything_is_deleted,
]

if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
