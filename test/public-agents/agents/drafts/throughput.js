// Detect throughput anomalies

var nodeRegex;
var bytes = {};

function onItemCaptured(data) {
  if (nodeRegex && !data.node.match(nodeRegex)) return;
  var key = data.request.method + " " + data.dst.name;
  bytes[key] = (bytes[key] || 0) + data.requestSize + data.responseSize;
}

jobs.schedule("throughput", "20 * * * * *", function () {
  var keys = Object.keys(bytes);
  if (keys.length === 0) return;
  vendor.slackBot(env.SLACK_AUTH_TOKEN, env.SLACK_CHANNEL_ID, "Throughput", keys.length + " kinds of calls", "ff8800", { Node: utils.nodeName() });
  bytes = {};
});
