// Kubeshark Logs and Pod Events Report

var bold = "[1m";
var plain = "[0m";
var levels = {};
var events = {};

function onLogCall(level, msg) {
  var record = typeof msg === "string" ? JSON.parse(msg) : msg;
  levels[level] = (levels[level] || 0) + 1;
  if (level === "error") console.error(record.message);
}

function onPodEvent(event, pod) {
  var meta = JSON.parse(JSON.stringify(pod.ObjectMeta));
  var app = pod.ObjectMeta.Labels ? pod.ObjectMeta.Labels["app.kubeshark.co/app"] : undefined;
  events[event + " " + meta.CreationTimestamp + " " + app] = pod.ObjectMeta.Name;
}

jobs.schedule("print-log-report", "*/20 * * * * *", function () {
  if (utils.nodeName() === "hub") console.clear();
  console.log(bold + "log:" + plain, JSON.stringify(levels), "events:", JSON.stringify(events));
});
