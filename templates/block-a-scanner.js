// Block a scanner for ten minutes
//
// Who asks an HTTP server for many paths that are not there is cut off for ten minutes, by policy.apply. Without
// scripting.allowEnforcement it only says whom it would cut, and how many requests of the last hour. It waits for the hub now and
// then, and never for traffic.
//
// @category Security
// @allow hosts none
// @allow helpers policy.*, hub.*
// @rate policy.apply 10/min
// @sample [worker-1-0] 203.0.113.9 asked for 40 paths that are not there: would be cut, with 212 of 9140 requests of the last hour
// @sample [worker-1-0] 203.0.113.9 asked for 40 paths that are not there: block from 203.0.113.9 to anywhere is in force as remora-4d32f83f8612

var MOST_MISSING = 40;
var EVERY = '0 * * * * *';
var LASTS = '10m';
var MOST_CLIENTS = 5000;

var missing = {};
var clients = 0;

function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || !data.response || data.response.status !== 404) return;
  var client = data.src.ip;
  if (!missing[client]) {
    if (clients >= MOST_CLIENTS) return;
    clients++;
    missing[client] = { paths: {}, count: 0 };
  }
  var seen = missing[client];
  if (seen.count >= MOST_MISSING || seen.paths[data.request.path]) return;
  seen.paths[data.request.path] = true;
  seen.count++;
}

function look() {
  for (var client in missing) if (missing[client].count >= MOST_MISSING) block(client);
  missing = {};
  clients = 0;
}

function block(client) {
  var why = client + ' asked for ' + MOST_MISSING + ' paths that are not there';
  var rule = { from: client };
  try {
    var done = policy.apply({ block: rule, ttl: LASTS, reason: why });
    if (done.applied) {
      console.log(why + ': ' + done.text);
      return;
    }
    var cut = policy.preview({ block: rule }, '1h').requests;
    console.log(why + ': would be cut, with ' + cut.cut + ' of ' + cut.seen + ' requests of the last hour');
  } catch (error) {
    console.error(why + ': ' + error.message);
  }
}

if (utils.nodeName() !== 'hub') jobs.schedule('scanners', EVERY, look);
