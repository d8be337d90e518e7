// Aggregate the HTTP status codes and push them to InfluxDB every minute
//
// Counts answers by their status, and calls without one, and writes them to InfluxDB as the fields of one point a minute.
// What cannot be delivered waits on the disk of the worker and is sent later, so a gap in it means that there was no traffic.
//
// @category Reports
// @env INFLUXDB_URL Address of InfluxDB, such as http://influxdb:8086
// @env INFLUXDB_TOKEN Token that may write to the bucket
// @env INFLUXDB_ORGANIZATION Organization
// @env INFLUXDB_BUCKET Bucket
// @hosts env.INFLUXDB_URL
// @allow helpers vendor.influxdb
// @sample [worker-1-0] 200: 41, 404: 2, none: 1

var counts = {};

if (!(env.INFLUXDB_URL && env.INFLUXDB_TOKEN)) console.error("Set INFLUXDB_URL, INFLUXDB_TOKEN, INFLUXDB_ORGANIZATION and INFLUXDB_BUCKET in scripting.env: without them nothing is sent.");

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
  if (env.INFLUXDB_URL && env.INFLUXDB_TOKEN) vendor.influxdb.queue(env.INFLUXDB_URL, env.INFLUXDB_TOKEN, env.INFLUXDB_ORGANIZATION, env.INFLUXDB_BUCKET, "status_codes", counts, { node: utils.nodeName() });
  console.log(told.join(", "));
  counts = {};
}

// The hub sees no traffic.
if (utils.nodeName() !== "hub") jobs.schedule("status-codes-to-influxdb", "0 * * * * *", push);
