// HTTP errors by path
//
// Counts replies of 400 and above, and requests without a reply, by method and path. Reports every minute.

var errors = {};
var total = 0;

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request) return;
  total++;
  var status = data.response ? data.response.status : "no reply";
  if (data.response && data.response.status < 400) return;
  var key = status + " " + data.request.method + " " + data.request.path;
  errors[key] = (errors[key] || 0) + 1;
}

function report() {
  var keys = Object.keys(errors).sort(function (a, b) {
    return errors[b] - errors[a];
  });
  if (keys.length > 0) {
    console.error(keys.length + " kinds of HTTP errors in " + total + " requests:");
    keys.slice(0, 10).forEach(function (key) {
      console.error("  " + errors[key] + " x " + key);
    });
  }
  errors = {};
  total = 0;
}

jobs.schedule("http-errors", "0 * * * * *", report);
