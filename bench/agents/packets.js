// Counts packets and bytes
var packets = 0;
var bytes = 0;

function onPacketCaptured(info) {
  packets++;
  bytes += info.length;
}

jobs.schedule("report", "0 0 0 * * *", function () {
  console.log("packets " + packets + " bytes " + bytes);
});
