// Call a webhook
//
// Posts each entry that matches a filter to an address of yours, as JSON. The script does not wait: calls are kept on the disk of the
// worker until the webhook has taken them, tried again when it is out of order, and arrive in order. They may arrive twice: the header
// `Idempotency-Key` is the same then.
//
// @category Alerts
// @env WEBHOOK_URL Address that entries are posted to
// @env? WEBHOOK_FILTER Which entries, instead of failed HTTP calls: a filter as in the dashboard
// @hosts env.WEBHOOK_URL
// @allow helpers vendor.webhook
// @rate vendor.webhook 600/min
// @sample [worker-1-0] 3 calls of the webhook in the last minute

var FILTER = env.WEBHOOK_FILTER || "http and response.status >= 500";

var queued = 0;
var refused = 0;
var lastError = "";

if (!kfl.validate(FILTER)) throw new Error("WEBHOOK_FILTER is no filter: " + FILTER);
if (!env.WEBHOOK_URL) console.error("Set WEBHOOK_URL in scripting.env: without it nothing is sent.");

function onItemCaptured(data) {
  if (!env.WEBHOOK_URL || !kfl.match(FILTER, data)) return;
  try {
    vendor.webhook.queue("POST", env.WEBHOOK_URL, {
      id: data.id,
      time: data.startTime,
      protocol: data.protocol.name,
      from: data.src.name || data.src.ip,
      to: data.dst.name || data.dst.ip,
      // Protocols have requests and replies of their own; either may be null.
      method: data.request ? data.request.method : undefined,
      path: data.request ? data.request.path : undefined,
      status: data.response ? data.response.status : undefined,
      elapsedMs: data.elapsedTime / 1000,
    });
    queued++;
  } catch (error) {
    // The queue is full, or the rate of the header is used up.
    refused++;
    lastError = String(error);
  }
}

jobs.schedule("call-a-webhook", "0 * * * * *", function () {
  if (queued > 0) console.log(queued + " calls of the webhook in the last minute");
  if (refused > 0) console.error(refused + " calls were not taken: " + lastError);
  queued = refused = 0;
});
