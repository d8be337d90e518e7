// Latency outliers
//
// Learns mean and spread of the response time of each endpoint (Welford's method: no list of samples is kept), and
// reports calls that are far off.

var WARM_UP = 20;
var Z_SCORE = 3;
var AT_LEAST_US = 1000;
var MOST_ENDPOINTS = 1000;

var endpoints = {};
var known = 0;
var outliers = 0;

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.response || !data.request) return;
  var key = data.request.method + " " + (data.dst.name || data.dst.ip) + data.request.path;
  var stats = endpoints[key];
  if (!stats) {
    if (known >= MOST_ENDPOINTS) return;
    known++;
    stats = endpoints[key] = { n: 0, mean: 0, m2: 0 };
  }
  var elapsed = data.elapsedTime;
  var spread = Math.sqrt(stats.m2 / Math.max(stats.n - 1, 1));
  if (stats.n >= WARM_UP && elapsed > AT_LEAST_US && elapsed > stats.mean + Z_SCORE * spread) {
    outliers++;
    console.log(key + ": " + ms(elapsed) + ", usually " + ms(stats.mean) + " (" + data.stream + ")");
  }
  stats.n++;
  var delta = elapsed - stats.mean;
  stats.mean += delta / stats.n;
  stats.m2 += delta * (elapsed - stats.mean);
}

function ms(micros) {
  return (micros / 1000).toFixed(1) + " ms";
}

jobs.schedule("latency-outliers", "0 */5 * * * *", function () {
  console.log(outliers + " latency outliers on " + known + " endpoints");
  outliers = 0;
});
