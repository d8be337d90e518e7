// Top requested DNS endpoints by DNS server
//
// Which names are asked for most, server by server, over all nodes; and how many of the answers were that there is no such
// name. Counted by cluster.topk, which needs no messages between nodes and no memory for names that are seldom.
//
// @category Reports
// @sample [hub-0] DNS server 10.96.0.10:
// @sample [hub-0]   cart.shop.svc.cluster.local: 812
// @sample [hub-0]   api.example.com.svc.cluster.local: 530, 530 not found

var TOP = 5;
var SEPARATOR = " ";
// Together they fit into a key.
var LONGEST_SERVER = 50;
var LONGEST_NAME = 75;

function onItemCaptured(data) {
  if (data.protocol.name !== "dns" || !data.request || data.request.questions.length === 0) return;
  // No name has a blank, so the key can be taken apart again.
  var key = ending(data.dst.name || data.dst.ip, LONGEST_SERVER) + SEPARATOR + ending(data.request.questions[0].name, LONGEST_NAME);
  cluster.topk.add("names", key);
  if (data.response && data.response.code === "Non-Existent Domain") cluster.topk.add("not found", key);
}

// Of a long name the end says most: whose it is.
function ending(name, longest) {
  return name.length > longest ? "…" + name.slice(1 - longest) : name;
}

function report() {
  var missing = {};
  cluster.topk.top("not found", 1000).forEach(function (each) {
    missing[each.key] = each.count;
  });
  var servers = {};
  cluster.topk.top("names", 1000).forEach(function (each) {
    var at = each.key.lastIndexOf(SEPARATOR);
    var server = each.key.slice(0, at);
    if (servers[server] === undefined) servers[server] = [];
    if (servers[server].length >= TOP) return;
    var notFound = missing[each.key] === undefined ? "" : ", " + missing[each.key] + " not found";
    servers[server].push("  " + (each.key.slice(at + 1) || ".") + ": " + each.count + notFound);
  });
  Object.keys(servers).forEach(function (server) {
    console.log("DNS server " + server + ":");
    console.log(servers[server].join("\n"));
  });
  cluster.topk.reset("names");
  cluster.topk.reset("not found");
}

if (utils.nodeName() === "hub") jobs.schedule("dns-names-report", "0 * * * * *", report);
