// Packets before a crash
//
// When a container crashes or has too little memory, the node of its pod keeps the packets of the 30 s before in `crashes/`, and raises
// an alert that says where they are, with the last calls of the pod. Of a pod that crashes again and again, once in 10 minutes. Needs
// Kubernetes, and packets that are kept (tap.capture.raw.enabled).
//
// @category Alerts
// @files crashes/, *.pcap
// @allow hosts none
// @allow helpers file.*, pcap.*, alert.*
// @sample [worker-1-0] shop/cart-7d4b9: crash of main with exit code 1, packets in crashes/shop-cart-7d4b9-1767225612.pcap

var SECONDS = 30;
var QUIET_MS = 10 * 60 * 1000;
var MOST_FILES = 50;
var MOST_PODS = 500;
var MOST_CALLS = 5;

// When something was last kept of a pod, and its files, oldest first.
var keptAt = {};
var files = [];
// The last calls by address of the pod that they were from or to.
var calls = {};
var addresses = [];

if (utils.nodeName() !== "hub") file.mkdir("crashes");

function onItemCaptured(data) {
  if (!data.request) return;
  remember(data.src.ip, data);
  if (data.dst.ip !== data.src.ip) remember(data.dst.ip, data);
}

function remember(ip, data) {
  if (calls[ip] === undefined) {
    calls[ip] = [];
    addresses.push(ip);
    if (addresses.length > MOST_PODS) delete calls[addresses.shift()];
  }
  calls[ip].push(data);
  if (calls[ip].length > MOST_CALLS) calls[ip].shift();
}

function onPodEvent(event, pod, meta, reason) {
  // Another node has its packets.
  if (meta.node !== utils.nodeName()) return;
  var name = pod.metadata.namespace + "/" + pod.metadata.name;
  if (event === "DELETED") delete keptAt[name];
  if (!reason || (reason.reason !== "crash" && reason.reason !== "oom")) return;
  if (keptAt[name] !== undefined && Date.now() - keptAt[name] < QUIET_MS) return;
  keptAt[name] = Date.now();
  var text = what(pod, reason) + ", " + keep(pod, reason);
  console.log(name + ": " + text);
  alert.raise({
    title: name + (reason.reason === "oom" ? " has too little memory" : " crashes"),
    key: "crash " + name,
    severity: "error",
    text: text + " on " + meta.node,
    labels: { namespace: pod.metadata.namespace, pod: pod.metadata.name, node: meta.node },
    entries: calls[pod.status.podIP] || [],
  });
}

function what(pod, reason) {
  var end = ending(pod, reason.container);
  var code = end && end.exitCode !== undefined ? " with exit code " + end.exitCode : "";
  return reason.reason + " of " + reason.container + code;
}

// How the container ended: it may have been started again by now.
function ending(pod, container) {
  var all = pod.status.containerStatuses.concat(pod.status.initContainerStatuses, pod.status.ephemeralContainerStatuses);
  for (var at = 0; at < all.length; at++)
    if (all[at].name === container) return all[at].state.terminated || all[at].lastState.terminated;
}

// It may be told late: while nobody could ask Kubernetes, or another hub began to lead.
function secondsAgo(end) {
  var at = end && end.finishedAt ? Date.parse(end.finishedAt) : NaN;
  return at <= Date.now() ? Math.ceil((Date.now() - at) / 1000) : 0;
}

function keep(pod, reason) {
  try {
    var ago = secondsAgo(ending(pod, reason.container));
    var capture = pcap.history(pod, Math.min(SECONDS + ago, 600));
    // Why there is nothing stands above it in the console.
    if (capture === null) return "no packets";
    var path = "crashes/" + pod.metadata.namespace + "-" + pod.metadata.name + "-" + capture;
    file.move(capture, path);
    files.push(path);
    if (files.length > MOST_FILES) file.delete(files.shift());
    return "packets in " + path;
  } catch (error) {
    return "no packets: " + error.message;
  }
}
