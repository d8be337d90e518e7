// Record failed calls
//
// Keeps the packets of every connection on which an HTTP call failed, as one pcap for each minute in `failures/`.

var streams = {};

file.mkdir("failures");

function onItemCaptured(data) {
  if (data.protocol.name !== "http") return;
  if (data.response && data.response.status < 500) return;
  streams[data.stream] = true;
}

function save() {
  var names = Object.keys(streams);
  streams = {};
  if (names.length === 0) return;
  var snapshot = pcap.snapshot(names);
  file.move(snapshot, "failures/");
  console.log("Recorded " + names.length + " connections in failures/" + snapshot);
}

jobs.schedule("record-failures", "0 * * * * *", save);
