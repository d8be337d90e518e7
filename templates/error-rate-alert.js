// Alert when many calls of a service fail
//
// Opens an alert for each service whose calls fail too often, with the failed calls and their packets in it, and closes it when all is
// well again. Who is told, by Slack, mail or a webhook, says `scripting.alerts.channels` in the configuration.
//
// @category Alerts
// @allow hosts none
// @sample [worker-1-0] price fails: 12 of 40 calls in the last minute
// @sample [worker-1-0] price is well again

// Fewer calls say little: one of three may fail by chance.
var LEAST_CALLS = 10;
var FAILED_SHARE = 0.2;
var MOST_SERVICES = 500;
var MOST_ENTRIES = 5;
// By then the alert has closed by itself (scripting.alerts.closeAfter).
var FORGET_MINUTES = 60;

var services = {};
var known = 0;
// When each was failing last, in minutes since the script was loaded.
var failing = {};
var minute = 0;

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request) return;
  var name = data.dst.name || data.dst.ip;
  if (services[name] === undefined) {
    if (known >= MOST_SERVICES) return;
    known++;
    services[name] = { calls: 0, failed: 0, entries: [] };
  }
  var service = services[name];
  service.calls++;
  if (data.response && data.response.status < 500) return;
  service.failed++;
  if (service.entries.length < MOST_ENTRIES) service.entries.push(data);
}

function look() {
  minute++;
  Object.keys(services).forEach(function (name) {
    var service = services[name];
    if (service.calls >= LEAST_CALLS && service.failed / service.calls >= FAILED_SHARE) open(name, service);
    else if (failing[name] !== undefined && service.failed === 0) close(name);
  });
  // Nobody calls them any more.
  Object.keys(failing).forEach(function (name) {
    if (minute - failing[name] > FORGET_MINUTES) delete failing[name];
  });
  services = {};
  known = 0;
}

function open(name, service) {
  var text = service.failed + " of " + service.calls + " calls in the last minute";
  failing[name] = minute;
  // The same key is the same alert: it is counted, and nobody is told again and again.
  alert.raise({
    title: name + " fails",
    key: "error-rate " + name,
    severity: service.failed === service.calls ? "critical" : "error",
    text: text,
    labels: { service: name, node: utils.nodeName() },
    entries: service.entries,
  });
  console.log(name + " fails: " + text);
}

function close(name) {
  delete failing[name];
  alert.close("error-rate " + name);
  console.log(name + " is well again");
}

if (utils.nodeName() !== "hub") jobs.schedule("error-rate-alert", "0 * * * * *", look);
