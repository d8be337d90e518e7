// Failing services
//
// Raises an alert for each service of which a tenth or more of the HTTP calls of the last ten seconds failed, with one
// of these calls and its packets, and closes the alert when calls succeed again.

var calls = {};
var failing = {};

function onItemCaptured(data) {
  if (data.protocol.name !== "http") return;
  var service = data.dst.name || data.dst.ip + ":" + data.dst.port;
  var counted = calls[service] || (calls[service] = { all: 0, failed: 0, example: null });
  counted.all++;
  if (data.response && data.response.status < 500) return;
  counted.failed++;
  counted.example = counted.example || data;
}

function look() {
  for (var service in calls) {
    var counted = calls[service];
    if (counted.failed * 10 >= counted.all) {
      failing[service] = true;
      alert.raise({
        title: service + " fails",
        severity: counted.failed === counted.all ? "critical" : "error",
        key: service,
        text: counted.failed + " of " + counted.all + " calls failed in ten seconds.",
        labels: { service: service },
        entry: counted.example
      });
    } else if (failing[service]) {
      delete failing[service];
      alert.close(service);
    }
  }
  calls = {};
}

jobs.schedule("failing-services", "*/10 * * * * *", look);
