// Top 5 DNS consumers
//
// Who asks most for names, over all nodes. Workers count and send what they have to the hub every ten seconds; the hub puts
// it together and prints the list once a minute.
//
// @category Reports
// @sample [hub-0] Top 5 DNS consumers of 1480 queries:
// @sample [hub-0]   1. checkout (shop): 911
// @sample [hub-0]   2. 10.0.4.17: 402

var TOP = 5;
var MOST_CONSUMERS = 10000;
var ACTION = "dns-consumers";

var counts = {};
var known = 0;

function onItemCaptured(data) {
  if (data.protocol.name !== "dns") return;
  var consumer = data.src.name || data.src.ip;
  if (data.src.namespace !== "") consumer += " (" + data.src.namespace + ")";
  if (counts[consumer] === undefined) {
    if (known >= MOST_CONSUMERS) return;
    known++;
    counts[consumer] = 0;
  }
  counts[consumer]++;
}

function send() {
  if (known === 0) return;
  hub.action(ACTION, counts);
  counts = {};
  known = 0;
}

var totals = {};

function onHubAction(action, object) {
  if (action !== ACTION) return;
  Object.keys(object).forEach(function (consumer) {
    totals[consumer] = (totals[consumer] || 0) + object[consumer];
  });
}

function report() {
  var consumers = Object.keys(totals).sort(function (a, b) {
    return totals[b] - totals[a] || (a < b ? -1 : 1);
  });
  if (consumers.length === 0) return;
  var sum = consumers.reduce(function (all, each) {
    return all + totals[each];
  }, 0);
  console.log("Top " + TOP + " DNS consumers of " + sum + " queries:");
  consumers.slice(0, TOP).forEach(function (each, at) {
    console.log("  " + (at + 1) + ". " + each + ": " + totals[each]);
  });
  totals = {};
}

if (utils.nodeName() === "hub") jobs.schedule("dns-consumers-report", "5 * * * * *", report);
else jobs.schedule("dns-consumers-send", "*/10 * * * * *", send);
