// Send traces to OpenTelemetry
//
// Makes a span of each call and sends it over OTLP to a collector, Jaeger, Tempo or any other that takes it. Calls that carry the
// headers of a trace (`traceparent`) become part of it, so that services which are not instrumented show up in it, too.
//
// @category Reports
// @env OTEL_EXPORTER_OTLP_ENDPOINT Address of the collector, such as http://otel-collector:4318
// @env? TRACE_FILTER Which calls, instead of all of HTTP: a filter as in the dashboard
// @hosts env.OTEL_EXPORTER_OTLP_ENDPOINT
// @allow helpers otel.spanFromEntry
// @sample [worker-1-0] 1204 spans in the last minute

var FILTER = env.TRACE_FILTER || "http";

var spans = 0;
var refused = 0;
var lastError = "";

if (!kfl.validate(FILTER)) throw new Error("TRACE_FILTER is no filter: " + FILTER);
if (!env.OTEL_EXPORTER_OTLP_ENDPOINT) console.error("Set OTEL_EXPORTER_OTLP_ENDPOINT in scripting.env: without it nothing is sent.");

function onItemCaptured(data) {
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT || !data.request || !kfl.match(FILTER, data)) return;
  try {
    // Spans go in batches, and wait on disk while the collector is away.
    otel.spanFromEntry.queue(data, { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT });
    spans++;
  } catch (error) {
    refused++;
    lastError = String(error);
  }
}

jobs.schedule("traces-to-opentelemetry", "0 * * * * *", function () {
  if (spans > 0) console.log(spans + (spans === 1 ? " span" : " spans") + " in the last minute");
  if (refused > 0) console.error(refused + " spans were not taken: " + lastError);
  spans = refused = 0;
});
