// DNS anomalies
//
// Names that look made by a machine (long, much entropy: tunnels, generated domains), clients that ask for many
// names that do not exist, and slow or missing replies.

var SUSPICIOUS_LENGTH = 40;
var SUSPICIOUS_ENTROPY = 4;
var MANY_FAILURES = 10;
var SLOW_US = 500000;

var failures = {};
var reported = {};

function onItemCaptured(data) {
  if (data.protocol.name !== "dns" || !data.request) return;
  var questions = data.request.questions;
  if (questions.length === 0) return;
  var name = questions[0].name;
  var client = data.src.ip;

  if (looksGenerated(name)) once("generated name from " + client + ": " + name);
  if (!data.response) once("no reply to " + client + " for " + name);
  else if (data.elapsedTime > SLOW_US) once("slow reply to " + client + " for " + name + ": " + Math.round(data.elapsedTime / 1000) + " ms");
  if (data.response && data.response.code === "Non-Existent Domain") {
    failures[client] = (failures[client] || 0) + 1;
    if (failures[client] === MANY_FAILURES) once(client + " asks for many names that do not exist");
  }
}

function looksGenerated(name) {
  var label = name.split(".")[0];
  return label.length >= SUSPICIOUS_LENGTH || (label.length >= 16 && entropy(label) >= SUSPICIOUS_ENTROPY);
}

// Bits per character (Shannon).
function entropy(text) {
  var counts = {};
  for (var i = 0; i < text.length; i++) counts[text.charAt(i)] = (counts[text.charAt(i)] || 0) + 1;
  return Object.keys(counts).reduce(function (bits, character) {
    var share = counts[character] / text.length;
    return bits - (share * Math.log(share)) / Math.LN2;
  }, 0);
}

function once(text) {
  if (reported[text]) return;
  reported[text] = true;
  console.error("DNS: " + text);
}

jobs.schedule("dns-anomalies-reset", "0 0 * * * *", function () {
  failures = {};
  reported = {};
});
