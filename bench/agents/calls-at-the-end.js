// Calls helpers when there is nothing else to do
jobs.schedule("calls", "0 0 0 1 1 *", function () {
  utils.health();
  for (var n = 0; n < 20000; n++) hub.targeted();
});
