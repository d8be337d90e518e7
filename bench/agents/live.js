// Counts the requests of the benchmark, and those that were answered
var requests = 0;
var answered = 0;

function onItemCaptured(data) {
  if (!data.request || data.request.path !== "/live") return;
  requests++;
  if (data.response && data.response.status === 200) answered++;
}

jobs.schedule("report", "0 0 0 1 1 *", function () {
  console.log("requests " + requests + " answered " + answered);
});
