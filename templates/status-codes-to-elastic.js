// Aggregate the HTTP status codes and push them to Elasticsearch every minute
//
// Counts answers by their status, and calls without one, and indexes them as one document a minute, in Elasticsearch, OpenSearch or Elastic Cloud.
// What cannot be delivered waits on the disk of the worker and is sent later, so a gap in it means that there was no traffic.
//
// @category Reports
// @env ELASTIC_INDEX Name of the index
// @env ELASTIC_API_KEY API key that may write to it
// @env? ELASTIC_URL Address, such as https://elastic:9200; absent: Elastic Cloud
// @env? ELASTIC_CLOUD_ID Cloud id, as the console of Elastic Cloud shows it
// @hosts env.ELASTIC_URL, env.ELASTIC_CLOUD_ID
// @allow helpers vendor.elastic
// @sample [worker-1-0] 200: 41, 404: 2, none: 1

var counts = {};

if (!(env.ELASTIC_INDEX && env.ELASTIC_API_KEY && (env.ELASTIC_URL || env.ELASTIC_CLOUD_ID))) console.error("Set ELASTIC_INDEX, ELASTIC_API_KEY, and ELASTIC_URL or ELASTIC_CLOUD_ID in scripting.env: without them nothing is sent.");

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request) return;
  // A request without a reply has response null.
  var status = data.response ? String(data.response.status) : "none";
  counts[status] = (counts[status] || 0) + 1;
}

function push() {
  var statuses = Object.keys(counts);
  if (statuses.length === 0) return;
  var told = statuses.map(function (status) {
    return status + ": " + counts[status];
  });
  if (env.ELASTIC_INDEX && env.ELASTIC_API_KEY && (env.ELASTIC_URL || env.ELASTIC_CLOUD_ID)) vendor.elastic.queue(env.ELASTIC_URL || "", env.ELASTIC_INDEX, { time: new Date().toISOString(), node: utils.nodeName(), counts: counts }, "", "", env.ELASTIC_CLOUD_ID, env.ELASTIC_API_KEY);
  console.log(told.join(", "));
  counts = {};
}

// The hub sees no traffic.
if (utils.nodeName() !== "hub") jobs.schedule("status-codes-to-elastic", "0 * * * * *", push);
