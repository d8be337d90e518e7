// Log total captured packets and KB every minute
//
// Counts packets and their bytes on each worker, and prints both once a minute.
//
// @category Reports
// @sample [worker-1-0] Captured packets in the last minute: 48210
// @sample [worker-1-0] Captured KB in the last minute: 31077.4

var packets = 0;
var bytes = 0;

function onPacketCaptured(info) {
  packets++;
  bytes += info.length;
}

function report() {
  console.log("Captured packets in the last minute:", packets);
  console.log("Captured KB in the last minute:", (bytes / 1000).toFixed(1));
  packets = 0;
  bytes = 0;
}

// The hub captures nothing.
if (utils.nodeName() !== "hub") jobs.schedule("packets-and-kb", "0 * * * * *", report);
