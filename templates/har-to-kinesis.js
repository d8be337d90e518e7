// Export HTTP payloads in HAR format to an AWS Kinesis stream
//
// Collects HTTP calls and puts them into a stream as HTTP archives (HAR 1.2), fifty at a time or once a minute. Batches wait on
// the disk of the worker until Kinesis has taken them, so nothing is lost while it cannot be reached.
//
// @category Recording
// @env KINESIS_STREAM_NAME Name of the stream
// @env AWS_REGION Its region, such as eu-west-1
// @env? AWS_ACCESS_KEY_ID Absent: the rights of the machine or pod
// @env? AWS_SECRET_ACCESS_KEY The key that belongs to it
// @env? KINESIS_FILTER Which calls, instead of all: a filter as in the dashboard
// @hosts *.amazonaws.com
// @allow helpers vendor.kinesis.put
// @allow hosts *.amazonaws.com
// @sample [worker-1-0] 50 calls on their way to Kinesis

var FILTER = env.KINESIS_FILTER || "http";
var BATCH = 50;
// A record has room for 1 MiB, as base64 for less.
var LARGEST_RECORD = 700000;

var calls = [];
var nameless = 0;

if (!kfl.validate(FILTER)) throw new Error("KINESIS_FILTER is no filter: " + FILTER);
if (!env.KINESIS_STREAM_NAME || !env.AWS_REGION) console.error("Set KINESIS_STREAM_NAME and AWS_REGION in scripting.env: without them nothing is sent.");

function onItemCaptured(data) {
  // An archive has no place for calls without an answer, or for those to nobody with a name.
  if (data.protocol.name !== "http" || !data.request || !data.response) return;
  if (!env.KINESIS_STREAM_NAME || !env.AWS_REGION || !kfl.match(FILTER, data)) return;
  if (data.dst.name === "") {
    nameless++;
    return;
  }
  calls.push(data);
  if (calls.length >= BATCH) send();
}

function send() {
  var batch = calls;
  calls = [];
  put(batch);
}

function put(batch) {
  if (batch.length === 0) return;
  var har = wrapper.buildHAR(batch);
  if (har.length <= LARGEST_RECORD) {
    vendor.kinesis.put.queue(env.KINESIS_STREAM_NAME, har, env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY);
    console.log(batch.length + (batch.length === 1 ? " call" : " calls") + " on their way to Kinesis");
  } else if (batch.length > 1) {
    var half = Math.floor(batch.length / 2);
    put(batch.slice(0, half));
    put(batch.slice(half));
  } else {
    console.warn(batch[0].request.method + " " + batch[0].request.path + " is too large for a record");
  }
}

jobs.schedule("har-to-kinesis", "0 * * * * *", function () {
  if (nameless > 0) console.warn(nameless + " calls were left out: their server has no name, and no Host header was sent");
  nameless = 0;
  send();
});
