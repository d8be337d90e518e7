// kinesis

var batch = [];

function onItemCaptured(data) {
  if (data.Protocol.Name !== "http") return;
  batch.push(data);
}

function flush() {
  if (utils.nodeName() === "hub" || batch.length < env.KINESIS_MIN_BATCH_SIZE) return;
  try {
    var har = wrapper.buildHAR(batch);
    console.log(batch.length + " entries: " + vendor.kinesis.put(env.KINESIS_STREAM_NAME, har, env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY));
  } catch (error) {
    console.error(error);
  }
  batch = [];
}

jobs.schedule("put-records-to-kinesis", "* * * * * *", flush);
