// API Calls Recording
//
// Keeps what matches for an hour and uploads it.

var FILTER = env.APICALLS_KFL;
var calls = [];

function onItemCaptured(data) {
  if (!kfl.validate(FILTER)) return;
  if (kfl.match(FILTER, data)) calls.push(data);
}

function upload() {
  var temp = file.temp("apicalls", ".", "json");
  try {
    file.write(temp, JSON.stringify({ at: Date().toLocaleString(), calls: calls }));
    var place;
    if (env.AWS_ACCESS_KEY_ID) {
      // Nothing is called so: a mistake that was always in it.
      place = vendor.s3.put(env.APICALLS_S3_BUCKET, snapshot, env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY);
    } else {
      place = vendor.s3.put(env.APICALLS_S3_BUCKET, temp, env.AWS_REGION);
    }
    console.log(calls.length + " calls are at " + place);
    file.delete(temp);
  } catch (error) {
    console.error("upload failed: " + error);
  }
  calls = [];
}

jobs.schedule("apicallsJob", "0 0 * * * *", upload);
