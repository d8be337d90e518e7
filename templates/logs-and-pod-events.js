// Remora logs and pod events report
//
// How often Remora itself logged warnings and errors, with the last of each, and what became of pods; once a minute on each
// node, when there is anything to say.
//
// @category Reports
// @sample [worker-1-0] Log: 3 info, 1 warning
// @sample [worker-1-0]   last warning: the bus is slow
// @sample [worker-1-0] Pods: 2 ADDED, 1 DELETED
// @sample [worker-1-0]   DELETED shop/checkout-6b5f

var levels = {};
var last = {};
var events = {};
var notes = [];

function onLogCall(level, msg) {
  levels[level] = (levels[level] || 0) + 1;
  if (level === "warning" || level === "error") last[level] = messageOf(msg);
}

function messageOf(msg) {
  try {
    var record = typeof msg === "string" ? JSON.parse(msg) : msg;
    return record.message || JSON.stringify(record);
  } catch (error) {
    return String(msg);
  }
}

function onPodEvent(event, pod) {
  events[event] = (events[event] || 0) + 1;
  // At the start every pod there is comes as ADDED.
  if (event === "DELETED" && notes.length < 20) notes.push(event + " " + pod.metadata.namespace + "/" + pod.metadata.name);
}

function counted(counts) {
  return Object.keys(counts)
    .sort()
    .map(function (key) {
      return counts[key] + " " + key;
    })
    .join(", ");
}

jobs.schedule("logs-and-pod-events", "0 * * * * *", function () {
  if (Object.keys(levels).length > 0) console.log("Log: " + counted(levels));
  Object.keys(last).forEach(function (level) {
    console.log("  last " + level + ": " + last[level]);
  });
  if (Object.keys(events).length > 0) console.log("Pods: " + counted(events));
  notes.forEach(function (note) {
    console.log("  " + note);
  });
  levels = {};
  last = {};
  events = {};
  notes = [];
});
