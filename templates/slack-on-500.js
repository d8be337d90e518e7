// Report to a Slack channel if the response status code is 500
//
// Collects calls that were answered with a server error, and posts them to Slack as one message within ten seconds, with how often
// each happened. While calls go on failing, messages come less and less often, up to one in ten minutes. Uses an incoming webhook of
// Slack; while that cannot be reached, messages wait on the disk of the worker.
//
// @category Alerts
// @env SLACK_WEBHOOK Address of an incoming webhook: https://hooks.slack.com/services/…
// @hosts env.SLACK_WEBHOOK
// @allow helpers vendor.slack
// @rate vendor.slack 10/min
// @sample [worker-1-0] 3 failed calls reported to Slack

var MOST_LINES = 10;
var MOST_KINDS = 1000;
var SHORTEST_PAUSE_MS = 10 * 1000;
var LONGEST_PAUSE_MS = 10 * 60 * 1000;

var failures = {};
var kinds = 0;
var total = 0;
var pause = 0;
var notBefore = 0;

if (!env.SLACK_WEBHOOK) console.error("Set SLACK_WEBHOOK in scripting.env: without it nothing is reported.");

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.response || data.response.status < 500) return;
  var call = data.request ? data.request.method + " " + (data.dst.name || data.dst.ip) + shape(data.request.path) : data.stream;
  var key = data.response.status + " " + call;
  total++;
  if (failures[key] === undefined) {
    // What nobody would read in one message is only counted.
    if (kinds >= MOST_KINDS) return;
    kinds++;
    failures[key] = 0;
  }
  failures[key]++;
}

function report() {
  if (total === 0 && Date.now() > notBefore + LONGEST_PAUSE_MS) pause = 0;
  if (total === 0 || !env.SLACK_WEBHOOK || Date.now() < notBefore) return;
  pause = pause === 0 ? SHORTEST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
  notBefore = Date.now() + pause;
  var lines = Object.keys(failures)
    .sort(function (a, b) {
      return failures[b] - failures[a];
    })
    .slice(0, MOST_LINES)
    .map(function (key) {
      return failures[key] + " × " + escaped(key);
    });
  if (kinds > MOST_LINES) lines.push("… and " + (kinds - MOST_LINES) + " more");
  var count = total;
  failures = {};
  kinds = total = 0;
  vendor.slack.queue(env.SLACK_WEBHOOK, ":red_circle: " + count + " failed calls on " + utils.nodeName(), lines.join("\n"), "#d92d20");
  console.log(count + " failed calls reported to Slack");
}

// Numbers and identities in paths are one kind of call: /users/17 and /users/23.
function shape(path) {
  return path.replace(/\/(\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{24,})(?=\/|$)/gi, "/:id");
}

// Paths come from the network: nothing in them may mention people or link anywhere.
function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

jobs.schedule("slack-on-500", "*/10 * * * * *", report);
