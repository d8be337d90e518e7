// Send select traffic logs to Elasticsearch

var ACTIVE = false;
var FILTER = 'http and response.status == 500';

function onItemCaptured(data) {
  // Of texts, not of filters: it looks for letters that are in no kind of traffic.
  if (!ACTIVE || !FILTER.match(data.protocol.abbr + data.id)) return;
  vendor.elastic("", env.ELASTIC_INDEX, data, "", "", env.ELASTIC_CLOUD_ID, env.ELASTIC_API_ID);
}
