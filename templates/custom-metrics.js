// Send custom metrics to Prometheus
//
// Measures the calls of each service: how many there are by status, how long they take as a histogram, and how many get no
// answer. Prometheus reads them from the metrics port of each worker (49100 by default), beside what Remora says of itself.
//
// @category Reports
// @sample # HELP http_call_seconds How long calls take, from the request to its reply
// @sample http_call_seconds_bucket{service="price",le="0.1"} 41
// @sample http_calls{service="price",status="2xx"} 44

// Each combination of labels is a series of its own: what differs from call to call, such as paths, does not belong there.
var MOST_SERVICES = 200;
var BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

var services = {};
var known = 0;

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request) return;
  var service = nameOf(data.dst);
  // A request without a reply has response null.
  if (!data.response) {
    prometheus.inc("http_calls_unanswered", 1, { service: service }, "Calls without an answer");
    return;
  }
  var status = String(data.response.status).charAt(0) + "xx";
  prometheus.inc("http_calls", 1, { service: service, status: status }, "Calls by the class of their status");
  // elapsedTime is in microseconds; Prometheus wants seconds.
  prometheus.observe("http_call_seconds", data.elapsedTime / 1e6, { service: service }, BUCKETS, "How long calls take, from the request to its reply");
}

function nameOf(end) {
  var name = end.name || end.ip;
  if (services[name] === true) return name;
  if (known >= MOST_SERVICES) return "other";
  known++;
  services[name] = true;
  return name;
}
