// Health of components

jobs.schedule("health", "*/10 * * * * *", function () {
  var health = JSON.parse(utils.health());
  if (utils.nodeName() === "hub") {
    console.log(health.nodeName, health.workers.length >= 0, health.memoryUsage > 0);
    return;
  }
  var got = 0;
  for (var key in health.snifferStats.Sources) got += health.snifferStats.Sources[key].PacketsGot;
  console.log(health.nodeName, got > 0, health.cpuUsage >= 0);
});
