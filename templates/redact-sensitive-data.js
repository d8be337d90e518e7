// Redact sensitive data
//
// Replaces secrets before anybody sees them: headers, cookies, parameters of the query and fields of JSON and form bodies
// whose names are in the lists below, and what follows these names in other text. It happens on the worker, so that they
// never leave its node. What is captured and what other scripts get stays as it is.
//
// @category Security
// @sample [worker-1-0] Redacted authorization 412 times
// @sample [worker-1-0] Redacted password 3 times

var HEADERS = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"];
var FIELDS = ["password", "passwd", "secret", "token", "access_token", "refresh_token", "api_key", "apikey", "pin", "cvv"];
var LONGEST_BODY = 10000;
var MASK = "[redacted]";

var counts = {};

function onItemQueried(data) {
  [data.request, data.response].forEach(function (message) {
    if (!message) return;
    maskNamed(message.headers, HEADERS);
    redactQueries(message.headers);
    maskAll(message.cookies, "cookie");
    maskNamed(message.queryString, FIELDS);
    redactBody(message.postData);
    redactBody(message.content);
    // The same once more, as it was understood.
    walk(message.graphql, 0);
    walk(message.grpcMessages, 0);
  });
  if (data.request && typeof data.request.url === "string") {
    data.request.url = redactQuery(data.request.url);
    data.request.targetUri = redactQuery(data.request.targetUri);
  }
  if (data.response && typeof data.response.redirectURL === "string") data.response.redirectURL = redactQuery(data.response.redirectURL);
  if (data.base && typeof data.base.summary === "string") data.base.summary = redactQuery(data.base.summary);
  return data;
}

function maskNamed(values, names) {
  if (!values || typeof values !== "object") return;
  Object.keys(values).forEach(function (key) {
    if (names.indexOf(key.toLowerCase()) < 0) return;
    values[key] = MASK;
    count(key.toLowerCase());
  });
}

// Addresses in headers, such as Referer, Location and :path of HTTP/2, have parameters as well.
function redactQueries(headers) {
  if (!headers || typeof headers !== "object") return;
  Object.keys(headers).forEach(function (name) {
    if (typeof headers[name] === "string" && headers[name].indexOf("?") >= 0) headers[name] = redactQuery(headers[name]);
  });
}

function maskAll(values, as) {
  if (!values || typeof values !== "object") return;
  Object.keys(values).forEach(function (key) {
    values[key] = MASK;
    count(as);
  });
}

function redactBody(body) {
  if (!body || typeof body !== "object") return;
  if (body.params && body.params.length > 0)
    body.params.forEach(function (param) {
      if (FIELDS.indexOf(String(param.name).toLowerCase()) >= 0) param.value = MASK;
    });
  if (typeof body.text !== "string" || body.text === "") return;
  // What is too long to be looked through must not be shown either, when it could have secrets in it.
  if (/form-urlencoded/.test(body.mimeType)) body.text = body.text.length > LONGEST_BODY ? MASK : redactQuery("?" + body.text).slice(1);
  else if (/json/.test(body.mimeType)) body.text = body.text.length > LONGEST_BODY ? MASK : redactJson(body.text);
  else body.text = body.text.length > LONGEST_BODY ? MASK : redactText(body.text);
}

// "password: x", "token=x", "Authorization: Bearer x", as logs and configuration files have them.
var IN_TEXT = new RegExp(
  "\\b(" + FIELDS.concat(HEADERS).join("|") + ")(\"?\\s*[:=]\\s*)(\"[^\"]*\"?|'[^']*'?|(?:Bearer|Basic)\\s+\\S+|[^\\s&,;\"'<]+)", "gi");

// Parts of forms: Content-Disposition: form-data; name="password", an empty line, and the value up to the end of its line.
var IN_PARTS = new RegExp("(name=\"(?:" + FIELDS.join("|") + ")\"[^\\r\\n]*\\r?\\n(?:[^\\r\\n]+\\r?\\n)*\\r?\\n)[^\\r\\n]*", "gi");

function redactText(text) {
  return text.replace(IN_PARTS, "$1" + MASK).replace(IN_TEXT, function (whole, name, between) {
    count(name.toLowerCase());
    return name + between + MASK;
  });
}

function redactJson(text) {
  var value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // Cut off, or no JSON: fields are still found by their names.
    return text.replace(new RegExp('("(?:' + FIELDS.join("|") + ')"\\s*:\\s*)("[^"]*"?|[^,}\\]]+)', "gi"), "$1\"" + MASK + '"');
  }
  var found = walk(value, 0);
  return found ? JSON.stringify(value) : text;
}

function walk(value, depth) {
  var found = false;
  if (!value || typeof value !== "object" || depth > 50) return false;
  Object.keys(value).forEach(function (key) {
    if (FIELDS.indexOf(key.toLowerCase()) >= 0) {
      value[key] = MASK;
      count(key.toLowerCase());
      found = true;
    } else if (typeof value[key] === "string") {
      // Texts in it, such as queries of GraphQL, may have secrets of their own.
      var text = value[key].length > LONGEST_BODY ? MASK : redactText(value[key]);
      if (text !== value[key]) found = true;
      value[key] = text;
    } else if (walk(value[key], depth + 1)) found = true;
  });
  return found;
}

function redactQuery(url) {
  if (typeof url !== "string") return url;
  return url.replace(/([?&])([^=&#]+)=([^&#]*)/g, function (whole, before, name) {
    if (FIELDS.indexOf(name.toLowerCase()) < 0) return whole;
    count(name.toLowerCase());
    return before + name + "=" + MASK;
  });
}

function count(name) {
  counts[name] = (counts[name] || 0) + 1;
}

jobs.schedule("redact-report", "0 * * * * *", function () {
  Object.keys(counts).forEach(function (name) {
    console.log("Redacted " + name + " " + counts[name] + " times");
  });
  counts = {};
});
