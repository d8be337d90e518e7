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
    file.move(capture, staging);
    file.copy("name_resolution_history.json", staging + "/name_resolution_history.json");
    var archive = file.tar(staging);
    console.log("at " + vendor.gcs.put(env.GCS_BUCKET, archive, JSON.parse(env.GCS_SA_KEY_JSON)), this === undefined ? "strict" : "sloppy");
    file.delete(archive);
    file.delete(staging);
  } catch (error) {
    console.error(error);
  }
}

file.delete(recording);
file.delete(staging);
file.mkdir(recording);
jobs.schedule("dfir_fcs", "0 */5 * * * *", ship);
