// Pods and processes with external communication
//
// Which pods and processes talk to addresses outside of the cluster and of private networks, to whom, and how much. Set
// BLOCK to ask the hub to cut such pods off.
//
// @category Security
// @allow helpers hub.blockPod
// @allow hosts none
// @sample [worker-1-0] 2 talk to the outside:
// @sample [worker-1-0]   shop/checkout-6b5f (process node) -> api.stripe.com:443: 41 connections, 812.0 KB
// @sample [worker-1-0]   10.0.4.17 -> 203.0.113.9:443: 1 connection, 2.1 KB

var BLOCK = false;
var MOST_PAIRS = 5000;

var pairs = {};
var known = 0;

function onItemCaptured(data) {
  // Each connection is an entry once it has ended, whatever was said in it.
  if (data.protocol.macro !== "tcp_conn" && data.protocol.macro !== "udp_conn") return;
  if (isOutside(data.dst) && !isOutside(data.src)) note(data, data.src, data.dst);
}

function isOutside(end) {
  return end.namespace === "" && !PRIVATE.test(end.ip);
}

// RFC 1918, RFC 6598, RFC 4193, link-local, loopback, multicast and unspecified.
var PRIVATE = /^(10\.|127\.|0\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|22[4-9]\.|2[345]\d\.|::1?$|f[cdef])/i;

function note(data, from, to) {
  var key = nameOf(from) + " -> " + (to.name || to.ip) + ":" + to.port;
  if (pairs[key] === undefined) {
    if (known >= MOST_PAIRS) return;
    known++;
    pairs[key] = { connections: 0, bytes: 0 };
    if (BLOCK && from.pod && from.pod.metadata)
      console.warn(key + ": " + hub.blockPod(from.pod.metadata.name, from.namespace));
  }
  pairs[key].connections++;
  pairs[key].bytes += data.requestSize + data.responseSize;
}

function nameOf(end) {
  var pod = end.namespace === "" ? end.name || end.ip : end.namespace + "/" + (end.name || end.ip);
  return end.processName === "" ? pod : pod + " (process " + end.processName + ")";
}

jobs.schedule("external-communication", "0 * * * * *", function () {
  if (known === 0) return;
  console.log(known + (known === 1 ? " talks" : " talk") + " to the outside:");
  Object.keys(pairs)
    .sort(function (a, b) {
      return pairs[b].bytes - pairs[a].bytes;
    })
    .slice(0, 50)
    .forEach(function (key) {
      var pair = pairs[key];
      var connections = pair.connections + (pair.connections === 1 ? " connection" : " connections");
      console.log("  " + key + ": " + connections + ", " + (pair.bytes / 1000).toFixed(1) + " KB");
    });
  pairs = {};
  known = 0;
});
