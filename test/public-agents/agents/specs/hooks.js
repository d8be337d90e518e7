/**
 * Hooks, and nothing in them
 */
function onItemCaptured(data) {}
function onPacketCaptured(info) {}
function onHubAction(action, object) {}
function onPodEvent(event, pod) {}
