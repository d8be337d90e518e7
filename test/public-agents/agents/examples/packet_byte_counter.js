// Log Total Captured Packet and KB Every Minute

var packets = 0;
var kb = 0;

function onPacketCaptured(info) {
  packets++;
  kb += info.length / 1000;
}

function onItemCaptured(data) {
  console.log("Captured packets:", packets);
  console.log("Captured KB:", kb);
  packets = 0;
  kb = 0;
}
