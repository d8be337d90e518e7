// Slack Alerts

var ACTIVE = false;

var triggers = [
  { name: "failures", kfl: "http and response.status == 500", gap: 30, last: 0 },
  { name: "switched off", kfl: "http", gap: -1, last: 0 },
  { name: "unfinished", kfl: "http and response.status ==", gap: 10, last: 0 },
];

function onItemCaptured(data) {
  if (!ACTIVE) return;
  for (var i = 0; i < triggers.length; i++) {
    var trigger = triggers[i];
    if (!kfl.validate(trigger.kfl)) {
      console.error("KFL invalid: " + trigger.name);
      continue;
    }
    if (kfl.match(trigger.kfl, data) && data.timestamp / 1000 - trigger.last > trigger.gap) {
      trigger.last = data.timestamp / 1000;
      alert(trigger, data);
    }
  }
  if (data.request.method === "HEAD") console.log("only the head");
}

function alert(trigger, data) {
  var json = file.temp("data", "", "json");
  file.write(json, JSON.stringify(data));
  vendor.slackBot(
    env.SLACK_AUTH_TOKEN,
    env.SLACK_CHANNEL_ID,
    trigger.name,
    data.request.method + " " + data.request.path,
    "#ff0000",
    { Service: data.dst.name, Namespace: data.namespace, Node: data.node.name },
    { PCAP: pcap.path(data.stream), Event: json }
  );
  file.delete(json);
}
