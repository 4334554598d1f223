// `node upload.js PORT FILE`: the official SDK's multipartUpload, 3 parts of 8 MiB in flight.
const OSS = require("ali-oss");

const [port, file] = process.argv.slice(2);
const client = new OSS({
  // It knows no path style; as a domain of its own, the bucket is not in the address.
  endpoint: `http://127.0.0.1:${port}`,
  cname: true,
  bucket: "bench",
  region: "oss-cn-hangzhou",
  accessKeyId: "bench",
  accessKeySecret: "bench-secret",
});
client.multipartUpload("big", file, { partSize: 8 * 1024 * 1024, parallel: 3 }).catch((error) => {
  console.error(error);
  process.exit(1);
});
