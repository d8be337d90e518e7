/*
 * Pods and what they say
 *
 * Parts of it were taken out long ago, and are still called.
 */
var VERBOSE = true;
var workerTraffic = {};

function onItemCaptured(data) {
  var key = data.dst.name;
  workerTraffic[key] = (workerTraffic[key] || 0) + 1;
}

function onHubAction(action, object) {
  hubDnsCounts = joinMaps(hubDnsCounts, object);
}

function report(limit, isLong) {
  try {
    if (utils.nodeName() !== "hub") return;
    var targeted = JSON.parse(hub.targeted());
    console.log(targeted.targets.length + " pods, long: " + isLong);
    createReport(getTopDNSConsumers(hubDnsCounts, limit));
  } catch (error) {
    console.error("no report: " + error);
  }
}

function send() {
  try {
    if (utils.nodeName() === "hub") return;
    hub.action("podtraffic", workerDnsCounts);
    reportToPrometheus(workerTraffic);
  } catch (error) {
    console.error("not sent: " + error);
  }
}

jobs.schedule("report-dns-consumers", "*/20 * * * * *", report, 0, 5, true);
jobs.schedule("report-dns-consumers-to-hub", "*/20 * * * * *", send, 0);
