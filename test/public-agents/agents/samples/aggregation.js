// Lines in the log of the component

jobs.schedule("lines", "0 0 * * * *", function () {
  aggregation.msg("AP0", "an hour has gone");
  aggregation.json("AP1", "report", { calls: 2, errors: 1 });
  aggregation.jsonWithMsg("AP2", "report", { calls: 2 }, "of the hour");
  console.log("written");
});
