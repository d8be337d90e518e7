// Top 5 Pods Consuming the Most DNS Requests (Potentially Triggering DNS Rate Limiting)

var scriptId = "top5-dns2";
var workerCounts = {};
var hubCounts = {};

function onItemCaptured(data) {
  if (data.protocol.name !== "dns") return;
  var who = data.src.name || data.src.ip;
  workerCounts[who] = (workerCounts[who] || 0) + 1;
}

function onHubAction(action, object) {
  if (action !== scriptId) return;
  hubCounts = wrapper.joinMaps(hubCounts, object);
}

jobs.schedule("report-dns-consumers", "*/20 * * * * *", function () {
  if (utils.nodeName() !== "hub") return;
  for (var who in hubCounts) {
    console.log(who + " asked " + hubCounts[who] + " times");
    prometheus.vector("dns_requests", "Requests of pods", 1, hubCounts[who], { s_pod: who });
  }
});

jobs.schedule("report-dns-consumers-to-hub", "*/20 * * * * *", function () {
  if (utils.nodeName() !== "hub") hub.action(scriptId, workerCounts);
});
