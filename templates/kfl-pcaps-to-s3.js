// Selective PCAP snapshotting to an AWS S3 bucket
//
// Keeps the packets of all streams that match a filter, and uploads them as one archive an hour: a capture, the names of
// addresses, and what is in it. One call of `wrapper.kflPcapS3` does it all.
//
// @category Recording
// @env S3_BUCKET Name of the bucket
// @env AWS_REGION Its region, such as eu-west-1
// @env? AWS_ACCESS_KEY_ID Absent: the rights of the machine or pod
// @env? AWS_SECRET_ACCESS_KEY The key that belongs to it
// @env? SNAPSHOT_FILTER Which entries, instead of failed HTTP calls: a filter as in the dashboard
// @env? SLACK_WEBHOOK Incoming webhook of Slack that each upload is told to
// @hosts *.amazonaws.com, env.SLACK_WEBHOOK
// @files kflPcapS3/
// @allow helpers wrapper.kflPcapS3
// @sample [worker-1-0] wrapper.kflPcapS3: kflArr[0]: uploaded https://traffic.s3.eu-west-1.amazonaws.com/worker-1_10.0.0.7_…/kfl_0_kubeshark_1795697940.tar.gz

var FILTER = env.SNAPSHOT_FILTER || "http and response.status >= 500";
var MAX_MINUTES = 60;

if (!kfl.validate(FILTER)) throw new Error("SNAPSHOT_FILTER is no filter: " + FILTER);
if (!env.S3_BUCKET || !env.AWS_REGION) console.error("Set S3_BUCKET and AWS_REGION in scripting.env: without them nothing is uploaded.");

// Each filter has archives of its own.
var options = {
  kflArr: [FILTER],
  s3Bucket: env.S3_BUCKET,
  awsRegion: env.AWS_REGION,
  awsAccessKeyId: env.AWS_ACCESS_KEY_ID,
  awsSecretAccessKey: env.AWS_SECRET_ACCESS_KEY,
  slackWebhook: env.SLACK_WEBHOOK,
  maxMinutes: MAX_MINUTES,
  // Says on the console when it has uploaded something.
  verbose: true,
};

function onItemCaptured(data) {
  if (!env.S3_BUCKET || !env.AWS_REGION) return;
  // Entries that match no filter cost nothing worth mentioning.
  wrapper.kflPcapS3(data, options);
}
