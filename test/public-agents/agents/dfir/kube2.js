var name = "case8"; // Recording name
var folder = "recordings/" + name;
var on = false;

file.mkdir(folder);

function onItemCaptured(data) {
  if (on && kfl.match("http", data)) file.copy(pcap.path(data.pcapFile), folder + "/" + data.stream);
}

jobs.schedule("test123", "* * * * * *", function () {
  on = true;
  setTimeout(function () { on = false; }, 60000);
}, 1);
