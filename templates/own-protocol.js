// Read a protocol of your own
//
// A dissector in a script: lines on a port of your choice become entries, with requests paired to their replies, that
// everybody can filter and every other script gets. Set PORT, and what the first word of a line means in your protocol.
//
// @category Protocols
// @sample [worker-1-0] put: 12 calls, 0.4 ms each
// @sample [worker-1-0] reserve: 3 calls, 1021.7 ms each

var PORT = 11300;
var LONGEST_LINE = 4096;
// Behind these lines come as many bytes as their last word says, and a line end.
var HAS_DATA = /^(put|RESERVED|FOUND|OK)$/;

dissector({
  name: "lines",
  longName: "Lines of text",
  ports: [PORT],

  // Is this it? Text as far as can be seen. On a port of its own nothing else is asked.
  probe: function (bytes) {
    return /^[\x20-\x7e]/.test(bytes.latin1(0, 1));
  },

  // What is at the beginning of the bytes: nothing while the line is not complete.
  parse: function (bytes, from) {
    var end = bytes.indexOf("\n");
    if (end < 0) return bytes.length > LONGEST_LINE ? false : undefined;
    var line = bytes.text(0, end).replace(/\r$/, "");
    var words = line.split(" ");
    var length = end + 1;
    if (HAS_DATA.test(words[0])) {
      length += Number(words[words.length - 1]) + 2;
      if (!(length > end)) return false;
      if (bytes.length < length) return { need: length };
    }
    return from === "client"
      ? { length: length, message: { command: words[0], line: line }, method: words[0], summary: line }
      : { length: length, message: { answer: words[0], line: line } };
  },
});

// What the entries are good for.
var calls = {};

function onItemCaptured(data) {
  if (data.protocol.name !== "lines" || !data.request) return;
  var command = data.request.command;
  if (calls[command] === undefined) {
    if (Object.keys(calls).length >= 100) return;
    calls[command] = { count: 0, micros: 0 };
  }
  calls[command].count++;
  calls[command].micros += data.elapsedTime;
}

jobs.schedule("own-protocol", "0 * * * * *", function () {
  Object.keys(calls).forEach(function (command) {
    var call = calls[command];
    console.log(command + ": " + call.count + " calls, " + (call.micros / call.count / 1000).toFixed(1) + " ms each");
  });
  calls = {};
});
