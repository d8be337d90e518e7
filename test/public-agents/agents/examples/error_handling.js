// Error Handling

function onItemCaptured(data) {
  try {
    if (kfl.match("htt ??? a : p", data)) console.log("never");
  } catch (error) {
    console.log("Caught an error!", error);
  }
}
