// Call a webhook for each health check
//
// Sends each call of a health check, with its status, to a webhook. The script does not wait for it: calls are kept on the disk of
// the worker until the webhook has taken them, and arrive in order.
//
// @category Alerts
// @env WEBHOOK_URL Address that the calls are posted to
// @hosts env.WEBHOOK_URL
// @allow helpers vendor.webhook
// @sample [worker-1-0:ERROR] 12 calls were not taken: Error: the outbox is full

var PATH = /^\/(health|healthz|livez|readyz|ping|status)(\/|$)/i;
// A flood of health checks must not become a flood of webhooks.
var MOST_PER_MINUTE = 60;

var sent = 0;
var skipped = 0;
var refused = 0;
var lastError = "";

if (!env.WEBHOOK_URL) console.error("Set WEBHOOK_URL in scripting.env: without it nothing is sent.");

function onItemCaptured(data) {
  if (!env.WEBHOOK_URL || data.protocol.name !== "http" || !data.request) return;
  if (!PATH.test(data.request.path)) return;
  if (sent >= MOST_PER_MINUTE) {
    skipped++;
    return;
  }
  sent++;
  try {
    vendor.webhook.queue("POST", env.WEBHOOK_URL, {
      time: data.startTime,
      from: data.src.name || data.src.ip,
      to: data.dst.name || data.dst.ip,
      path: data.request.path,
      status: data.response ? data.response.status : 0,
      elapsedMs: data.elapsedTime / 1000,
    });
  } catch (error) {
    // There is no room for more of them.
    refused++;
    lastError = String(error);
  }
}

jobs.schedule("health-check-webhook", "0 * * * * *", function () {
  if (refused > 0) console.error(refused + " calls were not taken: " + lastError);
  if (skipped > 0) console.warn(skipped + " calls were not sent: more than " + MOST_PER_MINUTE + " a minute");
  sent = skipped = refused = 0;
});
