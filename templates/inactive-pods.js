// Inactive pods
//
// Pods that are captured and that nobody talks to, and that talk to nobody: candidates for scaling down. Workers note which
// pods they see; the hub compares them with all that there are, every ten minutes.
//
// @category Reports
// @sample [hub-0] 2 of 31 pods had no traffic in the last 10 minutes:
// @sample [hub-0]   shop/legacy-cart-7d9c
// @sample [hub-0]   tools/pgadmin-0

var ACTION = "active-pods";
var MOST_SEEN = 20000;

var seen = {};
var count = 0;

function onItemCaptured(data) {
  note(data.src);
  note(data.dst);
}

function note(end) {
  if (end.namespace === "" || end.name === "" || count >= MOST_SEEN) return;
  var key = end.namespace + "/" + (end.pod && end.pod.metadata ? end.pod.metadata.name : end.name);
  if (seen[key] === true) return;
  seen[key] = true;
  count++;
}

function send() {
  if (count > 0) hub.action(ACTION, Object.keys(seen));
  seen = {};
  count = 0;
}

var active = {};
var since = Date.now();

function onHubAction(action, object) {
  if (action !== ACTION) return;
  object.forEach(function (key) {
    active[key] = true;
  });
}

function report() {
  var pods = JSON.parse(hub.targeted()).targets.map(function (pod) {
    return pod.metadata.namespace + "/" + pod.metadata.name;
  });
  var inactive = pods.filter(function (key) {
    return active[key] !== true;
  });
  // The first time it is less than ten.
  var minutes = Math.max(1, Math.round((Date.now() - since) / 60000));
  active = {};
  since = Date.now();
  if (pods.length === 0) {
    console.log("No pods are captured: this report is for Kubernetes.");
    return;
  }
  console.log(inactive.length + " of " + pods.length + " pods had no traffic in the last " + (minutes === 1 ? "minute" : minutes + " minutes") + (inactive.length > 0 ? ":" : ""));
  inactive.sort().forEach(function (key) {
    console.log("  " + key);
  });
}

if (utils.nodeName() === "hub") jobs.schedule("inactive-pods-report", "30 */10 * * * *", report);
else jobs.schedule("inactive-pods-send", "0 * * * * *", send);
