// Requests of TCP beside those of HTTP

var tcp = 0;
var http = 0;

function onItemQueried(data, filter) {
  if (kfl.match('tcp and data.payload.startsWith("GET")', data)) {
    tcp++;
    if (data.data.payload.indexOf("HTTP/1.1") < 0) console.log("cut short");
  }
  if (kfl.match("http", data)) http++;
}

jobs.schedule("print-report", "*/30 * * * * *", function () {
  if (utils.nodeName() !== "hub") console.log("tcp: " + tcp + ", http: " + http);
});
