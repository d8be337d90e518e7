// Pods that crash
//
// Says which containers crashed, were killed for lack of memory, or restarted, and keeps the packets of the 30 s before a crash in
// `crashes/` on the node of the pod. Needs Kubernetes.

var counts = {};

if (utils.nodeName() !== "hub") file.mkdir("crashes");

function onPodEvent(event, pod, meta, reason) {
  if (!reason || meta.node !== utils.nodeName()) return;
  var name = pod.metadata.namespace + "/" + pod.metadata.name;
  counts[reason.reason] = (counts[reason.reason] || 0) + 1;
  if (reason.reason !== "crash" && reason.reason !== "oom") return;
  var capture = pcap.history(pod, 30);
  if (capture !== null) file.move(capture, "crashes/");
  console.log(name + ": " + reason.reason + " of " + reason.container + (capture === null ? "" : ", see crashes/" + capture));
}

jobs.schedule("pod-crashes", "0 * * * * *", function () {
  if (Object.keys(counts).length > 0) console.log("Pods: " + JSON.stringify(counts));
  counts = {};
});
