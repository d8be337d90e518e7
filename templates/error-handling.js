// Error handling
//
// What helpers throw and how to go on: a webhook that cannot be reached is tried again later with growing pauses, and what
// has not been delivered is kept until it is, or until there is too much of it. (`vendor.webhook.queue` does all of this itself.)
//
// @category Start
// @env WEBHOOK_URL Address that reports are posted to
// @hosts env.WEBHOOK_URL
// @allow helpers vendor.webhook
// @sample [worker-1-0:ERROR] Attempt 1 failed, again in 2 s: HelperError: connection refused
// @sample [worker-1-0] Delivered after 2 attempts

var LONGEST_PAUSE_S = 300;
var MOST_WAITING = 100;

var waiting = [];
var attempts = 0;
var errors = 0;

function onItemCaptured(data) {
  // Whatever data lacks must not end the hook: a request without a reply has response null.
  if (data.error !== null || (data.response && data.response.status >= 500)) errors++;
}

function deliver() {
  if (waiting.length === 0) return;
  attempts++;
  try {
    vendor.webhook("POST", env.WEBHOOK_URL, waiting[0]);
  } catch (error) {
    var seconds = Math.min(Math.pow(2, attempts), LONGEST_PAUSE_S);
    console.error("Attempt " + attempts + " failed, again in " + seconds + " s: " + error);
    setTimeout(deliver, seconds * 1000);
    return;
  }
  console.log("Delivered after " + attempts + (attempts === 1 ? " attempt" : " attempts"));
  waiting.shift();
  attempts = 0;
  deliver();
}

// What a job throws is printed with its line, and comes here; the job stays scheduled.
function onJobFailed(tag, cron, limit, err) {
  console.error("The job " + tag + " has failed: " + err);
}

jobs.schedule("error-report", "0 * * * * *", function () {
  if (!env.WEBHOOK_URL) throw new Error("set WEBHOOK_URL in scripting.env");
  if (errors === 0) return;
  if (waiting.length >= MOST_WAITING) {
    waiting.shift();
    console.error("Too many reports wait: the oldest is dropped");
  }
  waiting.push({ node: utils.nodeName(), errors: errors, at: new Date().toISOString() });
  errors = 0;
  if (attempts === 0) deliver();
});
