var red = "\x1b[31m"; // Color variables
var plain = "\x1b[0m";
var dnsCounts = {};

function onItemCaptured(data) {
  if (data.protocol.name !== "dns") return;
  var who = data.src.name || data.src.ip;
  dnsCounts[who] = (dnsCounts[who] || 0) + 1;
}

function onHubAction(action, object) {
  if (action !== "top5-dns") return;
  console.clear();
  for (var who in object) console.log(red + who + plain + ": " + object[who]);
}

jobs.schedule("report-dns-consumers", "*/20 * * * * *", function () {
  if (utils.nodeName() === "hub") return;
  for (var who in dnsCounts) prometheus.vector("dns_requests", "Requests of pods", 1, dnsCounts[who], { s_pod: who });
  hub.action("top5-dns", dnsCounts);
});
