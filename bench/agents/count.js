// Counts by status and path
var counts = {};
var total = 0;

function onItemCaptured(data) {
  total++;
  if (!data.request || !data.response) return;
  var key = data.response.status + " " + data.request.path;
  counts[key] = (counts[key] || 0) + 1;
}

jobs.schedule("report", "0 0 0 * * *", function () {
  console.log("items " + total + " keys " + Object.keys(counts).length);
});
