// No Traffic Pods

var pods = [];

try {
  pods = JSON.parse(vendor.webhook("GET", "http://kubeshark-hub/pods/targeted", "")).targets;
  console.log(pods.length + " pods");
} catch (error) {
  console.error("no pods: " + error);
}

function onItemCaptured(data) {
  pods = pods.filter(function (pod) { return pod.metadata.name !== data.src.name; });
}
