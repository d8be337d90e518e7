// API Calls Recording

var kept = [];

function onItemCaptured(data) {
  if (kfl.match(env.APICALLS_KFL || "http", data)) kept.push(data);
}

jobs.schedule("apicallsJob", "0 0 * * * *", function () {
  var temp = file.temp("apicalls", ".", "json");
  try {
    file.write(temp, JSON.stringify(kept));
    console.log("uploaded " + vendor.s3.put(env.APICALLS_S3_BUCKET, temp, env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY));
  } catch (error) {
    console.error(error);
  } finally {
    file.delete(temp);
  }
  kept = [];
});
