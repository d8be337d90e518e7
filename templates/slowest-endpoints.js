// Slowest endpoints of all nodes
//
// Where time goes, over the whole cluster: the endpoints that callers waited for most, with how often each was called, and
// median and 99th percentile over all calls since the script was loaded first. Every node counts what it sees, and one of
// them reports: a job with scope "cluster" runs once, whichever node is there.
//
// @category Reports
// @sample [worker-2-0] 8102 calls of 37 endpoints, median 4.1 ms, 99 % within 212.0 ms
// @sample [worker-2-0]   1. POST checkout/pay: 41.2 s in 320 calls, 128.8 ms each
// @sample [worker-2-0]   2. GET catalog/search: 12.9 s in 2961 calls, 4.4 ms each

var TOP = 5;
// What a key may have.
var LONGEST_KEY = 128;

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request || !data.response) return;
  var endpoint = data.request.method + " " + (data.dst.name || data.dst.ip) + data.request.path.replace(/\/\d+(?=\/|$)/g, "/:id");
  endpoint = endpoint.slice(0, LONGEST_KEY);
  cluster.topk.add("time", endpoint, Math.max(data.elapsedTime, 1));
  cluster.topk.add("calls", endpoint);
  cluster.unique.add("endpoints", endpoint);
  cluster.quantile.add("latency", data.elapsedTime / 1000);
}

function report() {
  var latency = cluster.quantile.summary("latency");
  if (latency === null) return;
  var calls = {};
  cluster.topk.top("calls", 1000).forEach(function (each) {
    calls[each.key] = each.count;
  });
  console.log(
    latency.count + " calls of " + cluster.unique.count("endpoints") + " endpoints, median " + latency.p50.toFixed(1) +
      " ms, 99 % within " + latency.p99.toFixed(1) + " ms"
  );
  cluster.topk.top("time", TOP).forEach(function (each, at) {
    var many = calls[each.key] || 1;
    console.log(
      "  " + (at + 1) + ". " + each.key + ": " + (each.count / 1e6).toFixed(1) + " s in " + many + " calls, " +
        (each.count / 1000 / many).toFixed(1) + " ms each"
    );
  });
}

jobs.schedule("slowest-endpoints", "0 * * * * *", report, { scope: "cluster" });
