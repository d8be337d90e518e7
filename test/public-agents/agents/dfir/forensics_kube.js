var name = "case7";
var filter = "";
var on = false;
/* create recording folder */
var folder = "recordings/" + name + "/pcaps";

function onItemCaptured(data) {
  if (!on || !kfl.match(filter, data)) return;
  try {
    file.copy(pcap.path(data.pcapFile), folder + "/" + data.stream);
  } catch (error) {
    console.error("not copied:", error);
  }
}

function begin() {
  on = true;
  setTimeout(function () {
    on = false;
    console.log("recording ended:", name);
  }, 60000);
  setTimeout(function () {
    file.delete("recordings/" + name);
    console.log("recording expired:", name);
  }, 120000);
  console.log("recording began:", name);
}

file.delete("recordings/" + name);
file.mkdir(folder);
jobs.schedule("example3", "* * * * * *", begin, 1);
