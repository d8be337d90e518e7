// Monitoring: pass HTTP traffic, fail anything else
//
// Colours entries in the dashboard: green where HTTP was answered well, red where it was not, and red for every protocol
// that is not HTTP. A start for a rule of your own about what may be on this network.
//
// @category Security
// @sample [worker-1-0] In the last minute 812 passed, 3 failed

var passed = 0;
var failed = 0;

function onItemCaptured(data) {
  if (isGood(data)) {
    test.pass(data);
    passed++;
  } else {
    test.fail(data);
    failed++;
  }
}

function isGood(data) {
  return data.protocol.name === "http" && data.response !== null && data.response.status < 400;
}

jobs.schedule("pass-http-fail-others", "0 * * * * *", function () {
  if (passed + failed > 0) console.log("In the last minute " + passed + " passed, " + failed + " failed");
  passed = failed = 0;
});
