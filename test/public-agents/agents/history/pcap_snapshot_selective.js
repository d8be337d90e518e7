// Selective PCAP Snapshotting

var streams = [];

function onItemCaptured(data) {
  if (kfl.match("http and response.status == 500", data)) streams.push(data.stream);
}

function takeSnapshot() {
  var dir = file.mkdirTemp("snapshot");
  file.move(pcap.snapshot(streams), dir);
  streams = [];
  var archive = file.tar(dir);
  console.log("uploaded", vendor.s3.put(env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.S3_BUCKET, archive));
  file.delete(archive);
  file.delete(dir);
}

jobs.schedule("selective", "0 */1 * * * *", takeSnapshot);
