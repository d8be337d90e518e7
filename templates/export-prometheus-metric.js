// Export a custom Prometheus metric
//
// One number, once a minute: the share of HTTP calls that failed. Change what is counted to export any other.
//
// @category Reports
// @sample [worker-1-0] http_failed_share 0.04 (2 of 50 calls)

var calls = 0;
var failed = 0;

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request) return;
  calls++;
  if (!data.response || data.response.status >= 500) failed++;
}

// The hub sees no traffic: there is nothing to export.
if (utils.nodeName() !== "hub")
  jobs.schedule("export-metric", "0 * * * * *", function () {
    // Without traffic nothing fails: a value that stayed would say that something still does.
    var share = calls === 0 ? 0 : failed / calls;
    // Type 2 is a gauge, which goes up and down; 1 is a counter.
    prometheus.metric("http_failed_share", "Share of HTTP calls that failed in the last minute", 2, share);
    if (calls > 0) console.log("http_failed_share " + share.toFixed(2) + " (" + failed + " of " + calls + " calls)");
    calls = failed = 0;
  });
