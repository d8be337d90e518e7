var byProcess = {};

function onItemCaptured(data) {
  try {
    if (data.src.cgroupId > 0 || data.src.ip) {
      var key = data.src.processName + "-" + data.src.processId;
      if (!byProcess[key]) byProcess[key] = { count: 0 };
      byProcess[data.src.processName].count++;
    }
  } catch (error) {
    console.error(error);
  }
}
