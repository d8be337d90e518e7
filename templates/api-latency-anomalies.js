// Report API latency anomalies
//
// Learns how long each endpoint takes (mean and spread, without a list of samples), and reports calls that are far off: by
// their z-score, the number of standard deviations from the mean. What stays slow is usual after a while.
//
// @category Alerts
// @sample [worker-1-0] 2 latency anomalies:
// @sample [worker-1-0]   POST checkout/pay took 812.4 ms, usually 31.0 ± 9.2 ms (z = 84.9), stream 000000000042.pcap

var Z_SCORE = 3;
var WARM_UP = 10;
// So many calls are remembered: older ones count less and less.
var MEMORY = 500;
// Below this nobody minds, however unusual it is.
var AT_LEAST_US = 1000;
var MOST_ENDPOINTS = 2000;
var MOST_REPORTED = 20;

var endpoints = {};
var known = 0;
var anomalies = [];
var found = 0;

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request || !data.response) return;
  var key = data.request.method + " " + (data.dst.name || data.dst.ip) + shape(data.request.path);
  var endpoint = endpoints[key];
  if (endpoint === undefined) {
    if (known >= MOST_ENDPOINTS) return;
    known++;
    endpoint = endpoints[key] = { calls: 0, mean: 0, variance: 0, isCalled: true };
  }
  judge(key, endpoint, data);
  learn(endpoint, data.elapsedTime);
}

// Numbers and identities in paths are one endpoint: /users/17 and /users/23.
function shape(path) {
  return path.replace(/\/(\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{24,})(?=\/|$)/gi, "/:id");
}

function judge(key, endpoint, data) {
  if (endpoint.calls < WARM_UP || data.elapsedTime < AT_LEAST_US) return;
  var deviation = Math.sqrt(endpoint.variance);
  var z = (data.elapsedTime - endpoint.mean) / Math.max(deviation, 1);
  if (z < Z_SCORE) return;
  found++;
  if (anomalies.length >= MOST_REPORTED) return;
  anomalies.push(
    "  " + key + " took " + ms(data.elapsedTime) + " ms, usually " + ms(endpoint.mean) + " ± " + ms(deviation) +
      " ms (z = " + z.toFixed(1) + "), stream " + data.stream
  );
}

// Welford's method, and once the memory is full, with exponential weights.
function learn(endpoint, elapsed) {
  endpoint.calls++;
  endpoint.isCalled = true;
  var weight = 1 / Math.min(endpoint.calls, MEMORY);
  var delta = elapsed - endpoint.mean;
  endpoint.mean += delta * weight;
  endpoint.variance += (delta * (elapsed - endpoint.mean) - endpoint.variance) * weight;
}

function ms(micros) {
  return (micros / 1000).toFixed(1);
}

jobs.schedule("latency-anomalies", "*/20 * * * * *", function () {
  if (found === 0) return;
  console.log(found + " latency anomalies:");
  console.log(anomalies.join("\n"));
  anomalies = [];
  found = 0;
});

// Endpoints that nobody has called for an hour make room: scanners try thousands.
jobs.schedule("forget-endpoints", "30 0 * * * *", function () {
  Object.keys(endpoints).forEach(function (key) {
    if (!endpoints[key].isCalled) {
      delete endpoints[key];
      known--;
    } else endpoints[key].isCalled = false;
  });
});
