// Monitoring: Fail HTTP Status Code is 500, Pass Anything Else

function onItemQueried(data) {
  if (data.protocol.name !== "http") return;
  return data.response.status === 500 ? test.fail(data) : test.pass(data);
}
