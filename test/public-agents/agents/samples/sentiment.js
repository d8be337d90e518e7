// Mood of what people write

function onItemCaptured(data) {
  if (data.protocol.name !== "http" || !data.request) return;
  delete data.passed;
  delete data.failed;
  var mood = chatgpt.sentiment(data.request.path === "/orders" ? "This is a horrible failure." : "All good, thanks!");
  console.log(data.request.path, mood.compound < 0 ? "bad" : "good", "passed" in data, JSON.stringify(Object.keys(mood)));
}
