// Upload a PCAP Snapshot

jobs.schedule("short-snapshot", "0 0 * * * *", function () {
  if (utils.nodeName() === "hub") return;
  console.log("uploaded " + wrapper.pcapSnapshot(env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.S3_BUCKET));
});
