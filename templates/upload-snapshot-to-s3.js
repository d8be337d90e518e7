// Upload a PCAP snapshot to an AWS S3 bucket if a condition holds
//
// Looks once a minute whether many calls fail. When they do, all packets that are still kept are merged into one capture, packed with
// the names that addresses have, and uploaded; then not again for half an hour.
//
// @category Recording
// @env S3_BUCKET Name of the bucket
// @env AWS_REGION Its region, such as eu-west-1
// @env? AWS_ACCESS_KEY_ID Absent: the rights of the machine or pod
// @env? AWS_SECRET_ACCESS_KEY The key that belongs to it
// @hosts *.amazonaws.com
// @files kubeshark_*
// @allow helpers wrapper.pcapSnapshot
// @allow hosts *.amazonaws.com
// @sample [worker-1-0] 12 of 40 calls failed in the last minute: snapshot at https://traffic.s3.eu-west-1.amazonaws.com/worker-1_10.0.0.7_…/kubeshark_1795697940.tar.gz

// The condition: at least so many calls, and at least this share of them failed.
var LEAST_CALLS = 5;
var FAILED_SHARE = 0.2;
var PAUSE_MS = 30 * 60 * 1000;
// After an upload that failed: what happened is worth another attempt, while its packets are there.
var RETRY_MS = 60 * 1000;

var calls = 0;
var failed = 0;
var notBefore = 0;

if (!env.S3_BUCKET || !env.AWS_REGION) console.error("Set S3_BUCKET and AWS_REGION in scripting.env: without them nothing is uploaded.");

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request) return;
  calls++;
  if (!data.response || data.response.status >= 500) failed++;
}

function look() {
  var many = calls >= LEAST_CALLS && failed / calls >= FAILED_SHARE;
  var told = failed + " of " + calls + " calls failed in the last minute";
  calls = failed = 0;
  if (!many || Date.now() < notBefore || !env.S3_BUCKET || !env.AWS_REGION) return;
  notBefore = Date.now() + PAUSE_MS;
  try {
    console.log(told + ": snapshot at " + wrapper.pcapSnapshot(env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.S3_BUCKET));
  } catch (error) {
    notBefore = Date.now() + RETRY_MS;
    console.error(told + ", and the snapshot failed: " + error);
  }
}

// Packets are on workers.
if (utils.nodeName() !== "hub") jobs.schedule("upload-snapshot-to-s3", "0 * * * * *", look);
