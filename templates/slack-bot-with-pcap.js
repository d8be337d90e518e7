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
  var call = data.request.method + " " + (data.dst.name || data.dst.ip) + data.request.path + " answered " + data.response.status;
  if (told[call] !== undefined && data.timestamp - told[call] < QUIET_MS) return;
  if (told[call] === undefined && ++kinds > MOST_KINDS) return;
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
  file.write(entry, JSON.stringify(data, null, 2));
  var fields = { Service: data.dst.name || data.dst.ip, Node: utils.nodeName(), Took: data.elapsedTime / 1000 + " ms" };
  if (data.dst.namespace !== "") fields.Namespace = data.dst.namespace;
  // The queue puts the files aside for itself, so they may go at once.
  vendor.slackBot.queue(env.SLACK_AUTH_TOKEN, env.SLACK_CHANNEL_ID, "Server error", call, "#d92d20", fields, {
    "connection.pcap": pcap.path(data.stream),
    "entry.json": entry,
  });
  file.delete(entry);
}
