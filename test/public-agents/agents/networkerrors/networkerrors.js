// networkerrors

if (utils.nodeName() === "hub") throw "for workers alone";

var seen = {};

function onItemCaptured(data) {
  try {
    if (!data.error) return;
    var from = data.src.name.length === 0 ? null : data.src.name;
    var key = from.toLowerCase() + " > " + data.dst.name;
    if (!seen[key]) seen[key] = {};
    seen[key][data.error.msg] = (seen[key][data.error.msg] || 0) + 1;
  } catch (error) {
    console.error("not counted: " + error);
  }
}

jobs.schedule("print-report", "*/20 * * * * *", function () {
  console.log("errors:\n" + utils.json2Yaml(JSON.stringify({ errors: seen })));
});
