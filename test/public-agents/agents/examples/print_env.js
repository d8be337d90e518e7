// Print Environment Variables

console.log(JSON.stringify(env));
