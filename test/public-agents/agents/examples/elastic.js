// Aggregate the HTTP Status Codes and Push Them to Elastic Cloud Every Minute

var counts = {};

function onItemCaptured(data) {
  if (data.protocol.name !== "http") return;
  var status = data.response.status;
  if (counts.hasOwnProperty(status)) {
    counts[status]++;
  } else {
    counts[status] = 1;
  }
}

function push() {
  if (Object.keys(counts).length === 0) return;
  try {
    vendor.elastic("", env.ELASTIC_INDEX, counts, "", "", env.ELASTIC_CLOUD_ID, env.ELASTIC_API_KEY);
    console.log("pushed " + JSON.stringify(counts));
  } catch (error) {
    console.error(error);
  }
  counts = {};
}

jobs.schedule("push-status-codes", "0 */1 * * * *", push);
