// Upload the PCAP of a stream to an AWS S3 bucket if the response status code is 500
//
// Keeps the packets of each connection in which a call was answered with a server error, packs them with the names that addresses
// have, and uploads the archive. It goes by way of the queue: what cannot be uploaded now is uploaded later.
//
// @category Recording
// @env S3_BUCKET Name of the bucket
// @env AWS_REGION Its region, such as eu-west-1
// @env? AWS_ACCESS_KEY_ID Absent: the rights of the machine or pod
// @env? AWS_SECRET_ACCESS_KEY The key that belongs to it
// @hosts *.amazonaws.com
// @files failed*, kubeshark_*, pcaps/
// @allow hosts *.amazonaws.com
// @allow helpers vendor.s3.put, file.*, pcap.*
// @sample [worker-1-0] 000000000042.pcap (POST /orders answered 500) is on its way to S3

// A service that is down fails all the time: a few captures say as much as thousands.
var MOST_PER_MINUTE = 10;

var uploaded = 0;
var skipped = 0;
var streams = {};

if (!env.S3_BUCKET || !env.AWS_REGION) console.error("Set S3_BUCKET and AWS_REGION in scripting.env: without them nothing is uploaded.");

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request || !data.response || data.response.status < 500) return;
  if (!env.S3_BUCKET || !env.AWS_REGION || streams[data.stream] === true) return;
  if (uploaded >= MOST_PER_MINUTE) {
    skipped++;
    return;
  }
  uploaded++;
  streams[data.stream] = true;
  try {
    upload(data);
  } catch (error) {
    console.error(data.stream + " cannot be uploaded: " + error);
  }
}

function upload(data) {
  var folder = file.mkdirTemp("failed");
  try {
    send(data, folder);
  } finally {
    file.delete(folder);
  }
}

function send(data, folder) {
  file.copy(pcap.path(data.stream), folder + "/" + data.stream);
  file.copy("name_resolution_history.json", folder + "/name_resolution_history.json");
  file.write(folder + "/" + data.entryFile, data);
  var archive = file.tar(folder);
  try {
    vendor.s3.put.queue(env.S3_BUCKET, archive, env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY);
  } finally {
    // The queue has put the archive aside for itself, or has refused it.
    file.delete(archive);
  }
  console.log(data.stream + " (" + data.request.method + " " + data.request.path + " answered " + data.response.status + ") is on its way to S3");
}

jobs.schedule("upload-pcap-to-s3", "0 * * * * *", function () {
  if (skipped > 0) console.warn(skipped + " more failed calls, whose packets were not uploaded");
  uploaded = skipped = 0;
  streams = {};
});
