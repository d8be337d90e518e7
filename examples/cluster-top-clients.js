// Top clients of all nodes
//
// Who calls what most, how many clients there are, and how long calls take, over all nodes together: every node counts
// what it sees, and the hub reports.

var TOP = 5;

function onItemCaptured(data) {
  if (data.request === null || data.response === null) return;
  cluster.counter.add("calls");
  cluster.topk.add("clients", (data.src.name || data.src.ip) + " -> " + (data.dst.name || data.dst.ip) + " " + data.protocol.abbr);
  cluster.unique.add("clients", data.src.ip);
  cluster.quantile.add("latency", data.elapsedTime / 1000);
}

var reported = 0;

function report() {
  var calls = cluster.counter.value("calls");
  if (calls === reported) return;
  reported = calls;
  console.log(calls + " calls on all nodes, clients: " + cluster.unique.count("clients"));
  cluster.topk.top("clients", TOP).forEach(function (client) {
    console.log("  " + client.key + ": " + client.count + " calls");
  });
  var latency = cluster.quantile.summary("latency");
  console.log("  half of all within " + latency.p50.toFixed(1) + " ms, 99 % within " + latency.p99.toFixed(1) + " ms");
}

if (utils.nodeName() === "hub") jobs.schedule("top-clients-of-all-nodes", "0 * * * * *", report);
