// podtraffic

var calls = { fast: 0, slow: 0, none: 0 };

function onItemCaptured(data) {
  if (data.elapsedTime == 0) calls.none++;
  else if (data.elapsedTime < 5000) calls.fast++;
  else calls.slow++;
}

function toPrometheus() {
  prometheus.metric("calls_fast", "Fast calls", 1, calls.fast);
}

console.log("loaded on " + utils.nodeName() === "hub" ? "hub" : "worker" + ", which has traffic");
console.log(utils.json2Yaml(JSON.stringify(calls)));
// jobs.schedule("podtraffic", "0 * * * * *", toPrometheus);
