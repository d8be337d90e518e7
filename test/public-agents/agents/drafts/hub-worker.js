var beat = 0;
// hub.action("hi", {
jobs.schedule("hi-again", "0 * * * * *", function () {
  if (utils.nodeName() !== "hub") hub.action("hi", { from: utils.nodeName(), beat: ++beat });
});

function onHubAction(action, object) {
  console.log(action, JSON.stringify(object), object.beat);
}
