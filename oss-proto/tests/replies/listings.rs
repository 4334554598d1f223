//! ListParts, ListMultipartUploads, ListObjectsV2.

use super::*;
use oss_proto::ops::*;
use oss_proto::{Crc64, ETag, PartNumber};

const PARTS: &str = "<ListPartsResult><Bucket>oss-example</Bucket><EncodingType>url</EncodingType><Key>dir/multipart%20%E4%BD%A0.data</Key>\
    <UploadId>0004B9894A22E5B1888A1E29F8236E2D</UploadId><StorageClass>Standard</StorageClass><PartNumberMarker>0</PartNumberMarker>\
    <NextPartNumberMarker>5</NextPartNumberMarker><MaxParts>1000</MaxParts><IsTruncated>true</IsTruncated>\
    <Part><PartNumber>1</PartNumber><LastModified>2012-02-23T07:01:34.000Z</LastModified><ETag>&quot;3349DC700140D7F86A078484278075A9&quot;</ETag>\
    <Size>6291456</Size><HashCrc64ecma>5981764153023615706</HashCrc64ecma></Part>\
    <Part><PartNumber>5</PartNumber><LastModified>2012-02-23T07:02:03.000Z</LastModified><ETag>&quot;7265F4D211B56873A381D321F586E4A9&quot;</ETag>\
    <Size>1024</Size></Part></ListPartsResult>";

fn list_parts(part_number_marker: Option<u32>) -> ListParts {
    ListParts { bucket: bucket(), key: key(), upload_id: upload_id(), part_number_marker, max_parts: None }
}

#[test]
fn parts_are_listed_with_what_proves_them() {
    let required = ["Bucket", "Key", "UploadId", "IsTruncated", "PartNumber", "Size", "NextPartNumberMarker"];
    check_document(&list_parts(None), &[], PARTS, &required);
    let output = list_parts(None).parse(&reply(200, &[], PARTS)).unwrap();
    assert!(output.is_truncated);
    assert_eq!(output.next_part_number_marker, Some(5));
    let first = ListedPart {
        part_number: PartNumber::new(1).unwrap(),
        etag: ETag::new("3349DC700140D7F86A078484278075A9").ok(),
        size: 6_291_456,
        crc64: Some(Crc64::of(b"hello world")),
        last_modified: Some("2012-02-23T07:01:34.000Z".to_owned()),
    };
    assert_eq!(output.parts[0], first);
    assert_eq!((output.parts.len(), output.parts[1].crc64, output.parts[1].size), (2, None, 1024));
}

#[test]
fn an_empty_last_page_of_parts_is_read() {
    let document = "<ListPartsResult><Bucket>oss-example</Bucket><Key>dir/multipart 你.data</Key>\
        <UploadId>0004B9894A22E5B1888A1E29F8236E2D</UploadId><NextPartNumberMarker/><IsTruncated>false</IsTruncated></ListPartsResult>";
    let output = list_parts(None).parse(&reply(200, &[], document)).unwrap();
    assert_eq!(output, ListPartsOutput { parts: vec![], is_truncated: false, next_part_number_marker: None });
}

#[test]
fn pages_of_parts_that_are_not_ours_or_lead_nowhere_are_refused() {
    for (marker, from, to, named) in [
        (None, "0004B9894A22", "1004B9894A22", "<UploadId>"),
        (None, "multipart%20", "multipart", "<Key>"),
        (None, "oss-example", "oss-exampl", "<Bucket>"),
        (None, "<PartNumber>5", "<PartNumber>1", "<PartNumber>"),
        (None, "<PartNumber>5", "<PartNumber>10001", "<PartNumber>"),
        (None, "<PartNumber>1<", "<PartNumber>0<", "<PartNumber>"),
        (None, "<PartNumber>1<", "<PartNumber>1.0<", "<PartNumber>"),
        (Some(1), "", "", "<PartNumber>"),
        (None, "<NextPartNumberMarker>5", "<NextPartNumberMarker>4", "<NextPartNumberMarker>"),
        (None, "<NextPartNumberMarker>5", "<NextPartNumberMarker>-5", "<NextPartNumberMarker>"),
        (None, "6291456", "6291456.5", "<Size>"),
        (None, "6291456", "99999999999999999999", "<Size>"),
        (None, "<HashCrc64ecma>5", "<HashCrc64ecma>x5", "<HashCrc64ecma>"),
        (None, "&quot;3349", "&quot;é", "<ETag>"),
        (None, "<IsTruncated>true", "<IsTruncated>True", "<IsTruncated>"),
    ] {
        let document = PARTS.replace(from, to);
        let reason = reason(list_parts(marker).parse(&reply(200, &[], &document)));
        assert!(reason.contains(named), "{from} -> {to}: {reason}");
    }
    let stuck = PARTS.replace("<Part>", "<Gone>").replace("</Part>", "</Gone>");
    assert!(reason(list_parts(Some(5)).parse(&reply(200, &[], &stuck))).contains("<NextPartNumberMarker>"));
    assert!(list_parts(Some(4)).parse(&reply(200, &[], &stuck)).is_ok());
}

const UPLOADS: &str = "<ListMultipartUploadsResult><EncodingType>url</EncodingType><Bucket>oss-example</Bucket><KeyMarker/><UploadIdMarker/>\
    <NextKeyMarker>oss%2B%20.avi</NextKeyMarker><NextUploadIdMarker>0004B99B8E707874FC2D692FA5D77D3F</NextUploadIdMarker><Delimiter/><Prefix/>\
    <MaxUploads>1000</MaxUploads><IsTruncated>true</IsTruncated>\
    <Upload><Key>multipart%0A.data</Key><UploadId>0004B999EF518A1FE585B0C9360DC4C8</UploadId><StorageClass>IA</StorageClass><Initiated>2012-02-23T07:01:34.000Z</Initiated></Upload>\
    <Upload><Key>oss.avi</Key><UploadId>0004B99B8E707874FC2D692FA5D77D3F</UploadId></Upload>\
    <CommonPrefixes><Prefix>a%2F</Prefix></CommonPrefixes></ListMultipartUploadsResult>";

fn list_uploads() -> ListMultipartUploads {
    ListMultipartUploads {
        bucket: bucket(),
        prefix: None,
        delimiter: None,
        key_marker: None,
        upload_id_marker: None,
        max_uploads: None,
    }
}

#[test]
fn open_uploads_are_listed() {
    check_document(&list_uploads(), &[], UPLOADS, &["Bucket", "IsTruncated", "NextKeyMarker"]);
    let output = list_uploads().parse(&reply(200, &[], UPLOADS)).unwrap();
    let first = ListedUpload {
        key: "multipart\n.data".to_owned(),
        upload_id: UploadId::new("0004B999EF518A1FE585B0C9360DC4C8").unwrap(),
        initiated: Some(1_329_980_494),
        storage_class: Some("IA".to_owned()),
    };
    assert_eq!((output.uploads.len(), &output.uploads[0]), (2, &first));
    assert_eq!((output.uploads[1].initiated, &output.uploads[1].storage_class), (None, &None));
    assert_eq!(output.common_prefixes, ["a/"]);
    assert!(output.is_truncated);
    assert_eq!(output.next_key_marker.as_deref(), Some("oss+ .avi"));
    assert_eq!(output.next_upload_id_marker.as_deref(), Some("0004B99B8E707874FC2D692FA5D77D3F"));
}

#[test]
fn pages_of_uploads_that_cannot_be_followed_are_refused() {
    for (from, to, named) in [
        ("oss-example", "other", "<Bucket>"),
        ("<UploadId>0004B999EF518A1FE585B0C9360DC4C8</UploadId>", "", "<UploadId>"),
        ("<Key>oss.avi</Key>", "", "<Key>"),
        ("2012-02-23T", "2012-02-23 ", "<Initiated>"),
        ("<Prefix>a%2F</Prefix>", "", "<Prefix>"),
    ] {
        let reason = reason(list_uploads().parse(&reply(200, &[], &UPLOADS.replace(from, to))));
        assert!(reason.contains(named), "{from} -> {to}: {reason}");
    }
    let mut same_page = list_uploads();
    same_page.key_marker = Some("oss+ .avi".to_owned());
    assert!(same_page.parse(&reply(200, &[], UPLOADS)).is_ok(), "another upload of the same key");
    same_page.upload_id_marker = Some("0004B99B8E707874FC2D692FA5D77D3F".to_owned());
    assert!(reason(same_page.parse(&reply(200, &[], UPLOADS))).contains("same page"));
}

const OBJECTS: &str = "<ListBucketResult><Name>oss-example</Name><Prefix>fun%2F</Prefix><StartAfter/><MaxKeys>100</MaxKeys><Delimiter>%2F</Delimiter>\
    <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>CgJiYw--%3D%3D</NextContinuationToken><KeyCount>3</KeyCount>\
    <Contents><Key>fun%2Fa+b%20c.avi</Key><LastModified>2012-02-24T08:43:27.000Z</LastModified><ETag>&quot;5B3C1A2E053D763E1B002CC607C5A0FE&quot;</ETag>\
    <Type>Normal</Type><Size>344606</Size><StorageClass>Standard</StorageClass><Owner><ID>0022012</ID><DisplayName>u</DisplayName></Owner></Contents>\
    <Contents><Key>%2Fold</Key><LastModified>2012-02-24T08:43:27.000Z</LastModified><ETag>&quot;null&quot;</ETag><Size>0</Size></Contents>\
    <CommonPrefixes><Prefix>fun%2Fmovie%2F</Prefix></CommonPrefixes></ListBucketResult>";

fn list_objects(continuation_token: Option<&str>) -> ListObjectsV2 {
    ListObjectsV2 {
        bucket: bucket(),
        prefix: Some("fun/".to_owned()),
        delimiter: Some("/".to_owned()),
        start_after: None,
        continuation_token: continuation_token.map(str::to_owned),
        max_keys: None,
        fetch_owner: true,
    }
}

#[test]
fn objects_are_listed() {
    let required = ["Name", "IsTruncated", "NextContinuationToken", "KeyCount", "Key", "LastModified", "Size"];
    check_document(&list_objects(None), &[], OBJECTS, &required);
    let output = list_objects(None).parse(&reply(200, &[], OBJECTS)).unwrap();
    assert_eq!((output.name.as_str(), output.prefix.as_deref(), output.key_count), ("oss-example", Some("fun/"), 3));
    let first = ObjectSummary {
        key: "fun/a+b c.avi".to_owned(),
        last_modified: "2012-02-24T08:43:27.000Z".to_owned(),
        etag: ETag::new("5B3C1A2E053D763E1B002CC607C5A0FE").ok(),
        size: 344_606,
        object_type: Some("Normal".to_owned()),
        storage_class: Some("Standard".to_owned()),
    };
    assert_eq!((output.objects.len(), &output.objects[0]), (2, &first));
    assert_eq!(output.objects[1].key, "/old", "an old object may have a name that is refused today");
    assert_eq!(output.common_prefixes, ["fun/movie/"]);
    assert_eq!(output.next_continuation_token.as_deref(), Some("CgJiYw--=="));
}

#[test]
fn a_page_of_objects_that_leads_to_itself_is_refused() {
    assert!(reason(list_objects(Some("CgJiYw--==")).parse(&reply(200, &[], OBJECTS))).contains("same page"));
    assert!(list_objects(Some("CgJiYw--=")).parse(&reply(200, &[], OBJECTS)).is_ok());
    let other = OBJECTS.replace("oss-example", "other");
    assert!(reason(list_objects(None).parse(&reply(200, &[], &other))).contains("<Name>"));
}
