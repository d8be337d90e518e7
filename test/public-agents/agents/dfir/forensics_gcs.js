// Traffic Recording
// Keeps what matches, and uploads it to Google.

'use strict';

var recording = "dfir";
var staging = "dfir_tmp";

function onItemCaptured(data) {
  try {
    if (!kfl.match(env.RECORDING_KFL, data)) return;
    file.copy(pcap.path(data.stream), recording + "/" + data.stream);
  } catch (error) {
    console.error(error);
  }
}

function ship() {
  try {
    if (utils.nodeName() === "hub") return;
    file.move(recording, staging);
    file.mkdir(recording);
    var capture = pcap.snapshot([], staging);
    console.log("at " + vendor.gcs.put(env.GCS_BUCKET, capture, JSON.parse(env.GCS_SA_KEY_JSON)), this === undefined ? "strict" : "sloppy");
    file.delete(capture);
    vendor.gcs.put(env.GCS_BUCKET, "name_resolution_history.json", JSON.parse(env.GCS_SA_KEY_JSON));
    file.delete(staging);
  } catch (error) {
    console.error(error);
  }
}

file.delete(recording);
file.delete(staging);
file.mkdir(recording);
jobs.schedule("dfir_fcs", "0 */5 * * * *", ship);
