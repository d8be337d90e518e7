// Report failed calls by mail
//
// Sends one mail an hour with the calls that failed, how often, and how long they took, as a table. A mail that cannot be sent now
// waits on the disk of the worker.
//
// @category Alerts
// @env MAIL_SERVER Server with its port: smtp.example.com:587
// @env MAIL_FROM Who sends
// @env MAIL_TO Who gets it; several with commas between them
// @env? MAIL_USER Name for the server, where it wants one
// @env? MAIL_PASSWORD Its password
// @hosts env.MAIL_SERVER
// @allow helpers vendor.mail
// @rate vendor.mail 4/h
// @sample [worker-1-0] 14 failed calls of 3 kinds reported by mail

var MOST_KINDS = 1000;
var MOST_LINES = 50;

var failures = {};
var kinds = 0;
var total = 0;

if (!env.MAIL_SERVER || !env.MAIL_FROM || !env.MAIL_TO) console.error("Set MAIL_SERVER, MAIL_FROM and MAIL_TO in scripting.env: without them nothing is reported.");

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request) return;
  if (data.response && data.response.status < 500) return;
  total++;
  var status = data.response ? data.response.status : "no answer";
  var call = status + "  " + data.request.method + " " + (data.dst.name || data.dst.ip) + shape(data.request.path);
  if (failures[call] === undefined) {
    if (kinds >= MOST_KINDS) return;
    kinds++;
    failures[call] = { count: 0, us: 0 };
  }
  failures[call].count++;
  failures[call].us += data.elapsedTime;
}

function report() {
  if (total === 0 || !env.MAIL_SERVER || !env.MAIL_FROM || !env.MAIL_TO) return;
  var calls = Object.keys(failures).sort(function (a, b) {
    return failures[b].count - failures[a].count;
  });
  var lines = calls.slice(0, MOST_LINES).map(function (call) {
    var failure = failures[call];
    return failure.count + " x  " + call + "  (" + (failure.us / failure.count / 1000).toFixed(1) + " ms)";
  });
  if (calls.length > MOST_LINES) lines.push("... and " + (calls.length - MOST_LINES) + " more");
  vendor.mail.queue({
    server: env.MAIL_SERVER,
    user: env.MAIL_USER,
    password: env.MAIL_PASSWORD,
    from: env.MAIL_FROM,
    to: env.MAIL_TO.split(","),
    subject: total + " failed calls on " + utils.nodeName(),
    text: lines.join("\n") + "\n",
  });
  console.log(total + " failed calls of " + kinds + " kinds reported by mail");
  failures = {};
  kinds = total = 0;
}

// Numbers and identities in paths are one kind of call: /users/17 and /users/23.
function shape(path) {
  return path.replace(/\/(\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{24,})(?=\/|$)/gi, "/:id");
}

if (utils.nodeName() !== "hub") jobs.schedule("mail-on-errors", "0 0 * * * *", report);
