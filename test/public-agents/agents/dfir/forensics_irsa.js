// Traffic Recording

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
    console.log("at " + vendor.s3.put(env.S3_BUCKET, capture, env.AWS_REGION));
    file.delete(capture);
    vendor.s3.put(env.S3_BUCKET, "name_resolution_history.json", env.AWS_REGION);
    file.delete(staging);
  } catch (error) {
    console.error(error);
  }
}

file.delete(recording);
file.delete(staging);
file.mkdir(recording);
jobs.schedule("dfir_irsa", "0 */5 * * * *", ship);
