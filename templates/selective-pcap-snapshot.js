// Selective PCAP snapshot to a folder
//
// Keeps the packets of every connection that has an entry which matches a filter: one capture a minute in `snapshots/`, with
// the names that addresses had then beside it. The oldest captures make room for new ones.
//
// @category Recording
// @env? SNAPSHOT_FILTER Which entries, instead of failed HTTP calls: a filter as in the dashboard
// @files snapshots/
// @allow helpers file.*, pcap.*
// @allow hosts none
// @sample [worker-1-0] 4 connections kept in snapshots/1795416720.pcap

var FILTER = env.SNAPSHOT_FILTER || "http and response.status >= 400";
var FOLDER = "snapshots";
var MOST_STREAMS = 1000;
var MOST_FILES = 60;

var streams = {};
var count = 0;

if (!kfl.validate(FILTER)) throw new Error("SNAPSHOT_FILTER is no filter: " + FILTER);

function onItemCaptured(data) {
  if (count >= MOST_STREAMS || streams[data.stream] === true || !kfl.match(FILTER, data)) return;
  streams[data.stream] = true;
  count++;
}

function keep() {
  if (count === 0) return;
  var names = Object.keys(streams);
  streams = {};
  count = 0;
  file.mkdir(FOLDER);
  var capture = pcap.snapshot(names);
  file.move(capture, FOLDER + "/");
  file.write(FOLDER + "/" + capture.replace(/\.pcap$/, ".names.json"), pcap.nameResolutionHistory());
  console.log(names.length + (names.length === 1 ? " connection" : " connections") + " kept in " + FOLDER + "/" + capture);
  makeRoom();
}

function makeRoom() {
  var captures = file.list(FOLDER).filter(function (name) {
    return /\.pcap$/.test(name);
  });
  captures.slice(0, Math.max(0, captures.length - MOST_FILES)).forEach(function (name) {
    file.delete(FOLDER + "/" + name);
    file.delete(FOLDER + "/" + name.replace(/\.pcap$/, ".names.json"));
  });
}

// Packets are on workers.
if (utils.nodeName() !== "hub") jobs.schedule("selective-snapshot", "0 * * * * *", keep);
