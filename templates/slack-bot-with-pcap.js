// Report to a Slack channel, with the PCAP
//
// Posts failed calls to a channel as a bot, with what was called as fields of the message, and the packets of the connection and the
// entry as files. Needs a Slack app with the scopes `chat:write` and `files:write`, invited to the channel.
//
// @category Alerts
// @env SLACK_AUTH_TOKEN Token of the bot, xoxb-…
// @env SLACK_CHANNEL_ID Id of the channel, C…
// @hosts slack.com, files.slack.com
// @files pcaps/, failed*
// @allow hosts slack.com, *.slack.com
// @allow helpers vendor.slackBot, file.*, pcap.*
// @rate vendor.slackBot 6/min
// @sample [worker-1-0] Reported to Slack: POST shop/orders answered 500

// What happens again and again is told once in so long.
var QUIET_MS = 10 * 60 * 1000;
var MOST_KINDS = 1000;

var told = {};
var kinds = 0;

if (!env.SLACK_AUTH_TOKEN || !env.SLACK_CHANNEL_ID) console.error("Set SLACK_AUTH_TOKEN and SLACK_CHANNEL_ID in scripting.env: without them nothing is reported.");

function onItemCaptured(data) {
  if (!env.SLACK_AUTH_TOKEN || !env.SLACK_CHANNEL_ID) return;
  if (data.protocol.name !== "http" || !data.request || !data.response || data.response.status < 500) return;
  var call = data.request.method + " " + (data.dst.name || data.dst.ip) + shape(data.request.path) + " answered " + data.response.status;
  if (told[call] !== undefined && data.timestamp - told[call] < QUIET_MS) return;
  if (told[call] === undefined) {
    if (kinds >= MOST_KINDS) return;
    kinds++;
  }
  told[call] = data.timestamp;
  try {
    report(call, data);
    console.log("Reported to Slack: " + call);
  } catch (error) {
    console.error(call + " is not reported: " + error);
  }
}

function report(call, data) {
  var entry = file.temp("failed", "", "json");
  try {
    send(call, data, entry);
  } finally {
    // The queue has put the files aside for itself, or has refused them.
    file.delete(entry);
  }
}

function send(call, data, entry) {
  file.write(entry, JSON.stringify(data, null, 2));
  var fields = { Service: data.dst.name || data.dst.ip, Node: utils.nodeName(), Took: data.elapsedTime / 1000 + " ms" };
  if (data.dst.namespace !== "") fields.Namespace = data.dst.namespace;
  vendor.slackBot.queue(env.SLACK_AUTH_TOKEN, env.SLACK_CHANNEL_ID, "Server error", call, "#d92d20", fields, {
    "connection.pcap": pcap.path(data.stream),
    "entry.json": entry,
  });
}

// Numbers and identities in paths are one kind of call: /users/17 and /users/23.
function shape(path) {
  return path.replace(/\/(\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{24,})(?=\/|$)/gi, "/:id");
}

// What was told long ago may be told again, and makes room.
jobs.schedule("slack-bot-with-pcap", "0 * * * * *", function () {
  Object.keys(told).forEach(function (call) {
    if (Date.now() - told[call] < QUIET_MS) return;
    delete told[call];
    kinds--;
  });
});
