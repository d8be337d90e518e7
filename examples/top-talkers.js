// Top talkers
//
// Who sends and receives most, by address pair. Reports every minute, largest first.

var TOP = 5;
var pairs = {};

function onItemCaptured(data) {
  // A connection is an entry as well, once more with rates: it counts when nothing in it could be read.
  var isConnection = data.request === null && data.response === null && data.data !== null;
  if (isConnection && (/_flow$/.test(data.protocol.macro) || data.data.l7Detected.length > 0)) return;
  var key = data.src.ip + " -> " + (data.dst.name || data.dst.ip) + " " + data.protocol.abbr;
  var pair = pairs[key] || (pairs[key] = { calls: 0, bytes: 0 });
  pair.calls++;
  pair.bytes += data.requestSize + data.responseSize;
}

function report() {
  var keys = Object.keys(pairs).sort(function (a, b) {
    return pairs[b].bytes - pairs[a].bytes;
  });
  if (keys.length === 0) return;
  console.log("Top talkers:");
  keys.slice(0, TOP).forEach(function (key) {
    console.log("  " + key + ": " + pairs[key].calls + " calls, " + (pairs[key].bytes / 1000).toFixed(1) + " KB");
  });
  pairs = {};
}

jobs.schedule("top-talkers", "0 * * * * *", report);
