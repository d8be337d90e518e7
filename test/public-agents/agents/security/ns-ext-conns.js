/**
 * Pods with external connections
 */
var red = "[31m";
var plain = "[0m";
var blocked = [];
var external = {};

function onItemCaptured(data) {
  if (data.dst.namespace === "" && data.src.namespace === "" && data.src.ip !== "10.0.0.3") {
    var key = data.src.processName + "/" + data.src.processId + " " + data.src.ip;
    external[key] = data.dst.name;
    if (blocked.indexOf(data.src.ip) >= 0) console.log("Blocked: " + hub.blockPod("pod-of-" + data.src.ip, "shop"));
  }
}

jobs.schedule("print-external", "*/30 * * * * *", function () {
  if (utils.nodeName() === "hub") return;
  console.clear();
  Object.keys(external).sort().forEach(function (key) {
    console.log(red + key + plain + " talks to " + external[key]);
  });
});
