// perf2

try {
  if (utils.nodeName() === "hub") throw new Error("no traffic here");
} catch (error) {
  console.error(error);
}

var paths = {};

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request) return;
  var path = data.request.path;
  if (!paths[path]) paths[path] = { sum: 0, count: 0 };
  paths[path].sum += data.elapsedTime;
  paths[path].count++;
}

jobs.schedule("push-to-prom", "0 * * * * *", function () {
  for (var path in paths) {
    var answer = prometheus.vector("performance", "Mean time of calls, microseconds", 2, paths[path].sum / paths[path].count, { s_path: path, s_namespace: "" });
    console.log(path + ": " + answer);
  }
  paths = {};
});
