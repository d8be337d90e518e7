// Selective, File-system Based PCAP Snapshotting

var dir = file.mkdirTemp("selected");

function onItemCaptured(data) {
  if (!kfl.match("http and response.status == 500", data)) return;
  // Both without var: they are of this script alone all the same.
  path = pcap.path(data.stream);
  basename = path.replace(/^.*[\\\/]/, "");
  file.copy(path, dir + "/" + basename);
}

function takeSnapshot() {
  var out = file.mkdirTemp("snapshot");
  file.move(pcap.snapshot([], dir), out);
  var archive = file.tar(out);
  console.log("uploaded", vendor.s3.put(env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.S3_BUCKET, archive));
  file.delete(archive);
  file.delete(out);
  file.delete(dir);
  dir = file.mkdirTemp("selected");
}

jobs.schedule("take-pcap-snapshot", "0 */1 * * * *", takeSnapshot);
