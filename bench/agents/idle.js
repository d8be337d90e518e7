// Has nothing to do with traffic
var started = true;
