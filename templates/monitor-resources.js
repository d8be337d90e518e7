// Monitor resources
//
// What Remora takes on each node, and what it loses: CPU and memory of the component and of its sandbox, packets and losses
// of each source. Warns when packets were lost since the last look.
//
// @category Reports
// @sample [worker-1-0] CPU 12 %, memory 210 MB, sandbox 4 % and 96 MB, packets 182044, lost 0
// @sample [hub-0] CPU 1 %, memory 120 MB

var lostBefore = 0;

function report() {
  var health = JSON.parse(utils.health());
  var text = "CPU " + percent(health.cpuUsage) + ", memory " + megabytes(health.memoryUsage);
  if (health.tracer) text += ", sandbox " + percent(health.tracer.cpuUsage) + " and " + megabytes(health.tracer.memoryUsage);
  if (!health.snifferStats) {
    console.log(text);
    return;
  }
  var packets = 0;
  var lost = 0;
  var sources = health.snifferStats.Sources || {};
  Object.keys(sources).forEach(function (name) {
    packets += sources[name].PacketsGot;
    lost += sources[name].ChunksLost;
  });
  console.log(text + ", packets " + packets + ", lost " + lost);
  if (lost > lostBefore) console.warn(lost - lostBefore + " packets were lost: agents did not see them");
  lostBefore = lost;
}

function percent(share) {
  return Math.round(share * 100) + " %";
}

function megabytes(bytes) {
  return Math.round(bytes / 1e6) + " MB";
}

jobs.schedule("monitor-resources", "*/10 * * * * *", report);
