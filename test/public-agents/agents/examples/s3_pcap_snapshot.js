// Upload a PCAP Snapshot to an AWS S3 Bucket If HTTP Status Code is 500

function onItemCaptured(data) {
  if (!kfl.match("http and response.status == 500", data)) return;
  var dir = file.mkdirTemp("snapshot");
  var capture = pcap.snapshot();
  file.move(capture, dir);
  file.write(dir + "/name_resolution_history.json", JSON.stringify(pcap.nameResolutionHistory()));
  var archive = file.tar(dir);
  console.log("uploaded", vendor.s3.put(env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.S3_BUCKET, archive));
  file.delete(archive);
  file.delete(dir);
}
