// Packets of what matches

var options = {
  kflArr: ["http and response.status == 500", "dns"],
  s3Bucket: env.S3_BUCKET,
  awsRegion: env.AWS_REGION,
  maxMinutes: 1,
  maxL4Streams: 10000,
  active: true,
  verbose: false,
};

function onItemCaptured(data) {
  try {
    wrapper.kflPcapS3(data, options);
  } catch (error) {
    console.error(error);
  }
}
