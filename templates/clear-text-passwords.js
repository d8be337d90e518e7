// Passwords in clear text
//
// Finds logins that anybody on the way could read: HTTP Basic, LDAP simple binds and AUTH of Redis outside of TLS. Marks
// them as failed, so that they are red in the dashboard, tags them, and reports each pair of ends once an hour. No password
// is printed.
//
// @category Security
// @sample [worker-1-0:ERROR] LDAP login in clear text: 10.0.4.17 -> directory:389
// @sample [worker-1-0] 12 logins in clear text by 2 pairs this hour

var MOST_PAIRS = 1000;

var pairs = {};
var known = 0;
var logins = 0;

function onItemCaptured(data) {
  var kind = data.tls ? "" : loginOf(data);
  if (kind === "") return;
  logins++;
  test.fail(data);
  data.tags = { login: "clear text" };
  var pair = kind + " login in clear text: " + (data.src.name || data.src.ip) + " -> " + (data.dst.name || data.dst.ip) + ":" + data.dst.port;
  if (pairs[pair] === true || known >= MOST_PAIRS) return;
  pairs[pair] = true;
  known++;
  console.error(pair);
}

function loginOf(data) {
  var request = data.request;
  if (!request) return "";
  if (data.protocol.name === "http") return /^basic /i.test(headerOf(request.headers, "authorization")) ? "HTTP" : "";
  if (data.protocol.name === "redis") return /^auth$/i.test(data.base.method) ? "Redis" : "";
  if (data.protocol.name === "ldap") return request.type === "Bind Request" && request.authentication === "simple" ? "LDAP" : "";
  return "";
}

function headerOf(headers, name) {
  var key = Object.keys(headers || {}).filter(function (each) {
    return each.toLowerCase() === name;
  })[0];
  return key === undefined ? "" : headers[key];
}

jobs.schedule("clear-text-passwords", "0 0 * * * *", function () {
  if (logins > 0) console.log(logins + " logins in clear text by " + known + (known === 1 ? " pair" : " pairs") + " this hour");
  pairs = {};
  known = 0;
  logins = 0;
});
