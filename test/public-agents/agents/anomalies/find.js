/**
 * Find slow calls
 *
 * Each sample is weighed against all of them, which grow for as long as the agent runs.
 */

var samples = [];
var FACTOR = 3;
var HOT = "\x1b[31m";
var PLAIN = "\x1b[0m";

function onItemCaptured(data) {
  if (data.protocol.name != "http") return;
  samples.push({ key: data.dst.name, took: data.elapsedTime });
}

function middle(list) {
  var sorted = list.slice().sort(function (a, b) { return a.took - b.took; });
  return sorted.length ? sorted[Math.floor(sorted.length / 2)].took : 0;
}

function analyze() {
  var slow = 0;
  for (var i = 0; i < samples.length; i++) {
    if (samples[i].took > middle(samples) * FACTOR) slow++;
  }
  console.log(HOT + utils.nodeName() + PLAIN, samples.length + " samples, " + slow + " slow");
  if (slow > samples.length) console.error("more slow ones than there are");
}

jobs.schedule("analyze-latencies", "*/20 * * * * *", analyze);
