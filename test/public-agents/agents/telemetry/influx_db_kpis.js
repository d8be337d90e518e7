// Influx DB

var ACTIVE = true;

if (!env.INFLUXDB_URL || !env.INFLUXDB_TOKEN) {
  ACTIVE = false;
  console.error("INFLUXDB_URL and INFLUXDB_TOKEN are needed");
}

function onItemCaptured(data) {
  if (!ACTIVE || data.protocol.name !== "http" || !data.response) return;
  vendor.influxdb(env.INFLUXDB_URL, env.INFLUXDB_TOKEN, env.INFLUXDB_ORG, env.INFLUXDB_BUCKET, env.INFLUXDB_MEASUREMENT,
    { latency: data.elapsedTime, status: data.response.status },
    { service: data.dst.name, path: data.request.path });
}
