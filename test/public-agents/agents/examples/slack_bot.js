// Report To a Slack Channel If Status Code is 500 -

function onItemCaptured(data) {
  if (!data.response || data.response.status !== 500) return;
  var json = file.temp("data", "", "json");
  file.write(json, JSON.stringify(data));
  vendor.slackBot(
    SLACK_AUTH_TOKEN,
    SLACK_CHANNEL_ID,
    "Server-side error",
    data.request.method + " " + data.request.path,
    "#ff0000",
    { Service: data.dst.name, Namespace: data.namespace, Node: data.node.name },
    { PCAP: pcap.path(data.stream), Event: json }
  );
}
