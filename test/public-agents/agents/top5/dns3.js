// Top requested DNS endpoints by DNS server

var scriptId = "top5-dns3";
var blue = "\033[34m";
var plain = "\033[0m";
var deltas = {};
var totals = {};

function onItemCaptured(data) {
  if (data.protocol.name !== "dns" || !data.response) return;
  var server = data.dst.ip;
  if (!deltas[server]) deltas[server] = {};
  for (var i = 0; i < data.response.answers.length; i++) {
    var name = data.response.answers[i].name;
    deltas[server][name] = (deltas[server][name] || 0) + 1;
  }
}

function onHubAction(action, object) {
  if (action === scriptId) totals = wrapper.joinMaps(totals, object);
}

jobs.schedule("report-dns-endpoints", "*/20 * * * * *", function () {
  if (utils.nodeName() !== "hub") return;
  for (var server in totals) {
    for (var name in totals[server]) console.log(blue + server + plain + " " + name + ": " + totals[server][name]);
  }
});

jobs.schedule("worker-report-to-hub", "*/20 * * * * *", function () {
  if (utils.nodeName() === "hub") return;
  for (var server in deltas) {
    for (var name in deltas[server]) prometheus.vector("dns_endpoints", "Answers by name", 1, deltas[server][name], { s_name: name });
  }
  hub.action(scriptId, deltas);
  deltas = {};
});
