var name = "night"; // Recording name
var DURATION = 4 * 3600 * 1000;
var EXPIRATION = 48 * 3600 * 1000;
var root = "recordings/" + name;
var on = false;
var copied = {};

file.mkdir(root + "/pcaps");

function onItemCaptured(data) {
  if (!on || !kfl.match("http", data)) return;
  try {
    if (!copied[data.stream]) {
      copied[data.stream] = true;
      file.copy(pcap.path(data.stream), root + "/pcaps/" + data.stream);
    }
    file.write(root + "/pcaps/" + data.entryFile, JSON.stringify(data));
  } catch (error) {
    console.error(error);
  }
}

jobs.schedule("example", "* * * * * *", function () {
  on = true;
  setTimeout(function () { on = false; console.log("ended"); }, DURATION);
  setTimeout(function () { file.delete(root); console.log("expired"); }, EXPIRATION);
}, 1);

jobs.schedule("jobS3", "0 0 * * * *", function () {
  var active = on && utils.nodeName() !== "hub";
  var archive = name + "_" + "archive";
  try {
    var tar = file.tar(root + "/pcaps");
    archive = name + "_" + tar;
    file.move(tar, archive);
    // A bit of a text is never set: this was meant to be &&.
    if (active & env.S3_BUCKET) console.log("s3: " + vendor.s3.put(env.S3_BUCKET, archive, env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY));
    if (active && env.GCS_BUCKET) console.log("gcs: " + vendor.gcs.put(env.GCS_BUCKET, archive, JSON.parse(env.GCS_SA_KEY_JSON)));
  } catch (error) {
    console.error(error);
  }
  file.delete(archive);
});
