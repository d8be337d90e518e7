// Ask about what failed

function onItemCaptured(data) {
  if (!data.response || data.response.status !== 500) return;
  delete data.passed;
  delete data.failed;
  try {
    console.log(chatgpt.prompt(env.OPENAI_API_KEY, "Why does this fail?\n" + JSON.stringify(data), 64));
  } catch (error) {
    console.error(error);
  }
}
