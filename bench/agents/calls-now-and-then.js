// Calls helpers while the capture is read; seldom enough for it not to wait
var items = 0;

function onItemCaptured(data) {
  if (++items % 250 !== 0) return;
  utils.health();
  for (var n = 0; n < 10; n++) hub.targeted();
}
