// Print environment variables
//
// Lists the keys of scripting.env with what kind of value each has. Values are masked: the console is read by more people
// than may know them.
//
// @category Start
// @sample [hub-0] 2 keys in scripting.env:
// @sample [hub-0]   SLACK_WEBHOOK = ht… (text, 78 characters)
// @sample [hub-0]   THRESHOLD = … (number)

function masked(value) {
  if (typeof value !== "string") return "… (" + typeof value + ")";
  // Two letters tell keys apart; of a short value they would tell too much.
  var start = value.length >= 16 ? value.slice(0, 2) : "";
  return start + "… (text, " + value.length + " characters)";
}

function print() {
  var keys = Object.keys(env).sort();
  console.log(keys.length + (keys.length === 1 ? " key" : " keys") + " in scripting.env:");
  keys.forEach(function (key) {
    console.log("  " + key + " = " + masked(env[key]));
  });
}

print();
