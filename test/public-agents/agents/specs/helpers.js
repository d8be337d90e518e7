// Helper: jobs.schedule
//
// Plans a function. Nothing in here runs:
//
// jobs.schedule("tag", "0 * * * * *", function () {});
