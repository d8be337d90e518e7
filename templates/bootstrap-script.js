// Bootstrap script
//
// Every hook there is, with where it runs and what it costs. Keep those that you need: hooks that a script does not have
// cost nothing, and of entries only those fields cross into the sandbox that the script reads.
//
// @category Start
// @sample [hub-0] This script is active.
// @sample [worker-1-0] This script is active.

// The top level runs once wherever the script is loaded: on each worker and on the hub. Each has variables of its own.
console.log("This script is active.");

// Workers. Every packet, maybe ten thousand times a second: count here, and leave the rest to a job.
function onPacketCaptured(info) {}

// Workers. Every request with its reply, for all protocols: look at data.protocol.name first.
function onItemCaptured(data) {}

// Workers. Every entry that somebody looks at: colour it, change what people see of it, or answer null to hide it.
// `filter` is what the person typed.
function onItemQueried(data, filter) {
  return data;
}

// The hub. Whatever any script sends by hub.action(action, object): look at `action` first.
function onHubAction(action, object) {}

// The hub and workers. A pod was ADDED, MODIFIED or DELETED.
function onPodEvent(event, pod) {}

// The hub and workers. Remora itself has written a line to its log; not those that this hook causes.
function onLogCall(level, msg) {}

// Where the job ran. After each run of a job of this script, for better or worse.
function onJobPassed(tag, cron, limit) {}

function onJobFailed(tag, cron, limit, err) {
  console.error(tag + ": " + err);
}

// Six fields: second, minute, hour, day of month, month, day of week; times are UTC.
jobs.schedule("every-minute", "0 * * * * *", function () {});
