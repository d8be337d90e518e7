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
    file.move(capture, staging);
    file.copy("name_resolution_history.json", staging + "/name_resolution_history.json");
    var archive = file.tar(staging);
    if (env.GCS_BUCKET) console.log("at " + vendor.gcs.put(env.GCS_BUCKET, archive, JSON.parse(env.GCS_SA_KEY_JSON)));
    else if (env.AWS_ACCESS_KEY_ID) console.log("at " + vendor.s3.put(env.S3_BUCKET, archive, env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY));
    else console.log("at " + vendor.s3.put(env.S3_BUCKET, archive, env.AWS_REGION));
    file.delete(archive);
    file.delete(staging);
  } catch (error) {
    console.error(error);
  }
}

file.delete(recording);
file.delete(staging);
file.mkdir(recording);
jobs.schedule("dfir", "0 0 * * * *", ship);
