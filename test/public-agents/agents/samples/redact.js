// Redact what nobody may see

var bodyFields = ["status"];
var headerNames = ["User-Agent"];

function onItemQueried(data) {
  if (!data.request || data.protocol.name !== "http") return data;
  headerNames.forEach(function (name) {
    if (data.request.headers[name] !== undefined) {
      data.request.headers[name] = "[redacted]";
      console.log("redacted " + name);
    }
  });
  if (data.response && data.response.content.text) {
    // Bodies may be bytes: this is written for those.
    var text = String.fromCharCode.apply(null, data.response.content.text);
    var body = JSON.parse(text);
    bodyFields.forEach(function (field) { if (field in body) body[field] = "[redacted]"; });
    data.response.content.text = JSON.stringify(body);
  }
  return data;
}
