// Upload PCAP File of a Stream to an AWS S3 Bucket If HTTP Status Code is 500

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.response || data.response.status !== 500) return;
  file.write("name_resolution_history.json", JSON.stringify(pcap.nameResolutionHistory()));
  var dir = file.mkdirTemp("stream");
  file.copy(pcap.path(data.stream), dir + "/" + data.stream);
  file.copy("name_resolution_history.json", dir + "/name_resolution_history.json");
  file.delete("name_resolution_history.json");
  var archive = file.tar(dir);
  console.log("uploaded", vendor.s3.put(env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.S3_BUCKET, archive));
  file.delete(archive);
  file.delete(dir);
}
